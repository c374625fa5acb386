// Targets behind a forward proxy: what it is asked, and that TLS, pins and the keys of the pool
// hold as they do without it.
#include "dataplane/upstream/forward_proxy.h"

#include <atomic>

#include "absl/strings/escaping.h"
#include "tests/unit/dataplane/upstream/forward_proxy_fixture.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using ::testing::ElementsAre;
using testing::ForwardProxyTest;
using ::testing::HasSubstr;
using testing::Origin;
using testing::OriginConnection;
using testing::OriginTls;
using testing::ProxyForTests;
using testing::W;

// What is asked -----------------------------------------------------------------------------------

TEST(ConnectRequest, NamesHostAndPortAndNothingElse) {
  ProxyHop hop;
  hop.host = "proxy.example";
  hop.port = 3128;
  UpstreamTarget target;
  target.host = "one.example";
  target.port = 8443;
  target.path = "/secret";
  EXPECT_EQ(ConnectRequest(hop, target),
            "CONNECT one.example:8443 HTTP/1.1\r\nHost: one.example:8443\r\n\r\n");
  target.host = "2001:db8::1";
  hop.authorization = base::Secret::CopyOf("Basic eDp5");
  EXPECT_EQ(ConnectRequest(hop, target),
            "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n"
            "Proxy-Authorization: Basic eDp5\r\n\r\n");
}

TEST(ConnectRequest, NothingIsAskedForAHostThatCouldSayMore) {
  const ProxyHop hop;
  for (const std::string& host :
       {std::string(), std::string("a b"), std::string("a\r\nX-Evil: 1"), std::string("a\nb"),
        std::string("u@a"), std::string("a/b"), std::string("a?b"), std::string("a#b"),
        std::string("[a"), std::string("a\0b", 3), std::string("caf\xc3\xa9"),
        std::string("a\tb")}) {
    UpstreamTarget target;
    target.host = host;
    target.port = 443;
    EXPECT_FALSE(ConnectRequest(hop, target).has_value()) << absl::CEscape(host);
  }
  UpstreamTarget no_port;
  no_port.host = "a";
  EXPECT_FALSE(ConnectRequest(hop, no_port).has_value());
}

TEST(MakeProxyHop, CredentialsAreBasic) {
  UpstreamCredentials credentials;
  EXPECT_EQ(MakeProxyHop(nullptr), nullptr);
  EXPECT_EQ(MakeProxyHop(&credentials), nullptr);
  credentials.proxy.emplace();
  credentials.proxy->host = "::1";
  credentials.proxy->port = 3128;
  EXPECT_TRUE(MakeProxyHop(&credentials)->authorization.empty());
  credentials.proxy->username = "Aladdin";
  credentials.proxy->password = base::Secret::CopyOf("open sesame");  // RFC 7617 §2
  const ProxyHopPtr hop = MakeProxyHop(&credentials);
  EXPECT_EQ(hop->authorization.Reveal(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(hop->ToString(), "forward proxy [::1]:3128");
}

// Through it --------------------------------------------------------------------------------------

TEST_F(ForwardProxyTest, TlsIsSpokenWithTheTargetInside) {
  std::string seen;
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  tls.require = true;
  Origin origin(
      [&](OriginConnection& connection) {
        seen = connection.ClientSpki();
        while (!connection.ReadHead().empty()) connection.Answer("");
      },
      tls);
  ProxyForTests proxy;
  std::vector<std::string> names;
  Resolver resolver(
      {},
      [&](const std::string& name) {
        const base::MutexLock lock(&names_mutex_);
        names.push_back(name);
        return std::vector{testing::make_address("127.0.0.1")};
      },
      time_);
  pool_ = std::make_unique<UpstreamPool>(loop_, UpstreamPoolOptions(), resolver, *trust_);
  const UpstreamTargetPtr target = Proxied("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(By(With(W().client_a, "a"), proxy.port()));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
    EXPECT_NE(lease, nullptr);
    if (lease == nullptr) co_return;
    EXPECT_NE(co_await Exchange(*lease), "");
    EXPECT_EQ(lease->connection().facts->presented_certificate_id, "a");
    EXPECT_TRUE(lease->connection().facts->by_proxy);
    EXPECT_EQ(lease->connection().facts->address, absl::StrCat("127.0.0.1:", proxy.port()));
    lease->Keep();
    UpstreamLease again = pool_->TryIdle(target, credentials, permit_);
    EXPECT_TRUE(again.reused());
  });
  EXPECT_EQ(seen, KeyOf(W().client_a));
  EXPECT_THAT(proxy.heads(),
              ElementsAre(absl::StrCat("CONNECT one.example:", origin.port(),
                                       " HTTP/1.1\r\nHost: one.example:", origin.port(),
                                       "\r\nProxy-Authorization: Basic ", Encoded(), "\r\n\r\n")));
  const base::MutexLock lock(&names_mutex_);
  EXPECT_THAT(names, ElementsAre("proxy.example")) << "the target's name is the proxy's business";
  pool_ = nullptr;
}

TEST_F(ForwardProxyTest, PinsNamesAndTrustHoldAsWithoutIt) {
  std::atomic<int> served{0};
  const Origin::Script script = [&](OriginConnection& connection) {
    while (!connection.ReadHead().empty()) {
      ++served;
      connection.Answer("");
    }
  };
  Origin origin(script, ServerTls());
  Origin stranger(script, {.chain = {&W().stranger}});
  ProxyForTests proxy;
  const UpstreamTargetPtr target = Proxied("https", "one.example", origin.port());
  UpstreamCredentials wrong_pin = By(Plain(), proxy.port());
  wrong_pin.pinned = true;
  wrong_pin.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
  EXPECT_EQ(FailureOf(target, std::move(wrong_pin)).reason, Reason::kUpstreamPin);
  EXPECT_EQ(
      FailureOf(Proxied("https", "three.example", origin.port()), By(Plain(), proxy.port())).reason,
      Reason::kUpstreamCertName);
  EXPECT_EQ(
      FailureOf(Proxied("https", "one.example", stranger.port()), By(Plain(), proxy.port())).reason,
      Reason::kUpstreamCertUntrusted);
  UpstreamCredentials right_pin = By(Plain(), proxy.port());
  right_pin.pinned = true;
  right_pin.pin_spki_sha256 = {SpkiSha256(W().server.certificate.get())};
  EXPECT_EQ(FailureOf(target, std::move(right_pin)).reason, Reason::kAllowed);
  EXPECT_EQ(served, 0);
}

TEST_F(ForwardProxyTest, PlainTargetsAreAskedForByConnectToo) {
  Origin origin(testing::Serves("hello"));
  ProxyForTests proxy;
  const UpstreamTargetPtr target = Proxied("http", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(By(Plain(), proxy.port(), ""));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
    EXPECT_NE(lease, nullptr);
    if (lease == nullptr) co_return;
    EXPECT_THAT(co_await Exchange(*lease), HasSubstr("200 OK"));
  });
  EXPECT_THAT(proxy.heads(), ElementsAre(absl::StrCat(
                                 "CONNECT one.example:", origin.port(),
                                 " HTTP/1.1\r\nHost: one.example:", origin.port(), "\r\n\r\n")));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(result).reason, Reason::kUpstreamCredential)
        << "who does not know the proxy does not go there without it";
  });
  EXPECT_EQ(origin.accepted(), 1);
}

TEST_F(ForwardProxyTest, ConnectionsNeverMix) {
  base::Mutex mutex;
  std::vector<std::string> clients;
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  tls.require = true;
  Origin origin(
      [&](OriginConnection& connection) {
        while (!connection.ReadHead().empty()) {
          {
            const base::MutexLock lock(&mutex);
            clients.push_back(connection.ClientSpki());
          }
          connection.Answer("");
        }
      },
      tls);
  ProxyForTests proxy;
  ProxyForTests other;
  const UpstreamTargetPtr target = Proxied("https", "one.example", origin.port());
  std::vector<UpstreamCredentialsPtr> answers = {
      Share(With(W().client_a, "a")),
      Share(By(With(W().client_a, "a"), proxy.port())),
      Share(By(With(W().client_b, "b"), proxy.port())),
      Share(By(With(W().client_a, "a"), other.port())),
      Share(By(With(W().client_a, "a"), proxy.port(), "another password")),
      Share(By(With(W().client_a, "a"), proxy.port(), "")),
  };
  for (int round = 0; round < 2; ++round) {
    for (const UpstreamCredentialsPtr& answer : answers) {
      Run([&]() -> awaitable<void> {
        UpstreamPool::Result result = co_await Acquire(target, answer);
        UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
        EXPECT_NE(lease, nullptr);
        if (lease == nullptr) co_return;
        EXPECT_EQ(lease->reused(), round == 1);
        EXPECT_EQ(lease->connection().facts->by_proxy, answer->proxy.has_value());
        (void)co_await Exchange(*lease);
        lease->Keep();
      });
    }
  }
  EXPECT_EQ(pool_->counts().keys, answers.size());
  EXPECT_EQ(pool_->counts().opened, answers.size());
  EXPECT_EQ(other.accepted(), 1);
  const base::MutexLock lock(&mutex);
  ASSERT_EQ(clients.size(), 2 * answers.size());
  for (size_t i = 0; i < clients.size(); ++i)
    EXPECT_EQ(clients[i], KeyOf(i % answers.size() == 2 ? W().client_b : W().client_a)) << i;
}

TEST_F(ForwardProxyTest, PlainConnectionsDoNotMixEitherAndGoWithTheirAnswer) {
  Origin origin(testing::Serves(""));
  ProxyForTests proxy;
  const UpstreamTargetPtr target = Proxied("http", "one.example", origin.port());
  const UpstreamTargetPtr direct = Target("http", "one.example", origin.port());
  UpstreamCredentialsPtr one = Share(By(Plain(), proxy.port()));
  const UpstreamCredentialsPtr two = Share(By(Plain(), proxy.port(), "another password"));
  const auto use = [&](const UpstreamTargetPtr& to, const UpstreamCredentialsPtr& credentials) {
    Run([&]() -> awaitable<void> {
      UpstreamPool::Result result = co_await Acquire(to, credentials);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_FALSE(lease.reused());
      (void)co_await Exchange(lease);
      lease.Keep();
    });
  };
  use(target, one);
  use(target, two);
  use(direct, nullptr);
  EXPECT_EQ(pool_->counts().keys, 3u);
  EXPECT_EQ(pool_->counts().idle, 3u);
  one = nullptr;  // evicted: the API's proxy or password is another
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 2u);
}

}  // namespace
}  // namespace sallyport::dataplane
