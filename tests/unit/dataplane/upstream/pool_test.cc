#include "dataplane/upstream/pool.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <fstream>

#include <boost/asio/detached.hpp>

#include "dataplane/upstream/event.h"
#include "tests/fakes/permit_for_tests.h"
#include "tests/unit/dataplane/upstream/loop_for_tests.h"
#include "tests/unit/dataplane/upstream/origin_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using boost::asio::awaitable;
using boost::asio::ip::make_address;
using testing::Origin;
using testing::OriginConnection;
using testing::OriginTls;
using testing::Pair;

struct World {
  Pair root = testing::Root("upstream root");
  Pair intermediate = testing::Intermediate(root, "upstream intermediate");
  Pair server = testing::Server(intermediate, "DNS:one.example,DNS:two.example");
  Pair stranger = testing::SelfSigned("DNS:one.example");
  Pair client_root = testing::Root("client root");
  Pair client_ca = testing::Intermediate(client_root, "client ca");
  Pair client_a = testing::Issue(&client_ca, {.common_name = "a", .usage = "clientAuth"});
  Pair client_b = testing::Issue(&client_ca, {.common_name = "b", .usage = "clientAuth"});
};
const World& W() {
  static const World* const world = new World();
  return *world;
}

class UpstreamPoolTest : public ::testing::Test {
 protected:
  UpstreamPoolTest()
      : resolver_({}, [](const std::string&) {
          return std::vector<boost::asio::ip::address>{make_address("127.0.0.1")};
        }) {
    std::string pattern = (std::filesystem::temp_directory_path() / "pool.XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    std::ofstream(directory_ + "/root.pem") << W().root.Pem();
    trust_ = std::make_unique<SystemTrust>(SystemTrustOptions{.directories = {directory_}});
    trust_->Refresh();
    MakePool({});
  }
  ~UpstreamPoolTest() override { std::filesystem::remove_all(directory_); }

  void MakePool(const UpstreamPoolOptions& options) {
    pool_ = std::make_unique<UpstreamPool>(loop_, options, resolver_, *trust_);
  }
  static UpstreamTargetPtr Target(const std::string& scheme, const std::string& host, uint16_t port) {
    return *ParseUpstreamTarget(absl::StrCat(scheme, "://", host, ":", port));
  }
  // A plain answer: verify, present nothing.
  static UpstreamCredentials Plain() {
    UpstreamCredentials credentials;
    credentials.reason = Reason::kAllowed;
    return credentials;
  }
  static UpstreamCredentials With(const Pair& client, const std::string& id) {
    UpstreamCredentials credentials = Plain();
    credentials.certificate_id = id;
    credentials.client_chain_der = {client.Der(), W().client_ca.Der()};
    credentials.client_key_der = base::Secret(client.KeyDer());
    credentials.tags = {"cert:" + id, "api:x"};
    return credentials;
  }
  static UpstreamCredentialsPtr Share(UpstreamCredentials credentials) {
    return std::make_shared<const UpstreamCredentials>(std::move(credentials));
  }
  static std::string KeyOf(const Pair& pair) {  // as OriginConnection::ClientSpki
    unsigned char digest[32];
    unsigned size = 0;
    X509_pubkey_digest(pair.certificate.get(), EVP_sha256(), digest, &size);
    return {reinterpret_cast<char*>(digest), size};
  }
  static OriginTls ServerTls() { return {.chain = {&W().server, &W().intermediate}}; }

  awaitable<UpstreamPool::Result> Acquire(UpstreamTargetPtr target, UpstreamCredentialsPtr credentials,
                                          bool fresh = false) {
    const UpstreamPool::Limits limits{loop_.After(absl::Seconds(20)), fresh};
    UpstreamPool::Result result = co_await pool_->Acquire(target, credentials, permit_, limits);
    co_return result;
  }
  // One request with an empty answer, so that the connection is used as real ones are.
  awaitable<std::string> Exchange(UpstreamLease& lease) {
    (void)co_await WriteAll(lease.stream(), "GET / HTTP/1.1\r\n\r\n", loop_.After(absl::Seconds(20)));
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
      char block[4096];
      const IoResult result =
          co_await Read(lease.stream(), absl::MakeSpan(block), loop_.After(absl::Seconds(20)));
      if (!result.ok()) break;
      answer.append(block, result.bytes);
    }
    co_return answer;
  }
  // The failure of one attempt; kAllowed when there was none.
  UpstreamFailure FailureOf(const UpstreamTargetPtr& target, UpstreamCredentials credentials) {
    UpstreamFailure failure;
    failure.reason = Reason::kAllowed;
    const UpstreamCredentialsPtr shared = Share(std::move(credentials));
    Run([&]() -> awaitable<void> {
      UpstreamPool::Result result = co_await Acquire(target, shared);
      if (auto* found = std::get_if<UpstreamFailure>(&result)) failure = *found;
    });
    return failure;
  }
  void Run(const std::function<awaitable<void>()>& scenario) { testing::RunOn(loop_, scenario); }

  Loop loop_{0};
  Resolver resolver_;
  std::string directory_;
  std::unique_ptr<SystemTrust> trust_;
  std::unique_ptr<UpstreamPool> pool_;
  Permit permit_ = PermitForTests::Of();
};

TEST_F(UpstreamPoolTest, PlainConnectionsAreKeptAndReused) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 5; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_EQ(lease.reused(), i > 0);
      EXPECT_NE(co_await Exchange(lease), "");
      lease.Keep();
    }
  });
  EXPECT_EQ(origin.accepted(), 1);
  EXPECT_EQ(pool_->counts().idle, 1u);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(UpstreamPoolTest, LeaseThatIsNotKeptClosesItsConnection) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 2; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      EXPECT_FALSE(std::get<UpstreamLease>(result).reused());
    }
  });
  EXPECT_EQ(pool_->counts().idle, 0u);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(UpstreamPoolTest, ConnectionClosedWhileIdleIsNotGivenOut) {
  std::atomic<int> closed{0};
  Origin origin([&](OriginConnection& connection) {
    if (connection.ReadHead().empty()) return;
    connection.Answer("");
    connection.Close();
    ++closed;
  });
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_FALSE(lease.reused());
      EXPECT_NE(co_await Exchange(lease), "");
      while (lease.stream().IdleAndOpen(loop_.looks())) {
        Event pause(loop_);
        (void)co_await pause.Wait(loop_.After(absl::Milliseconds(10)));
      }
      lease.Keep();
    }
  });
  EXPECT_EQ(pool_->counts().found_closed, 2u);
}

TEST_F(UpstreamPoolTest, BytesAfterTheGiveBackAreSeenWithinTheTurn) {
  std::atomic<bool> given_back{false};
  Origin origin([&](OriginConnection& connection) {
    if (connection.ReadHead().empty()) return;
    connection.Answer("");
    given_back.wait(false);
    connection.Answer("not asked for");
    connection.ReadHead();  // open until the end
  });
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result first = co_await Acquire(target, nullptr);
    UpstreamLease& lease = std::get<UpstreamLease>(first);
    EXPECT_NE(co_await Exchange(lease), "");
    EXPECT_FALSE(lease.stream().readiness().MayTry(Direction::kRead)) << "the loop knows of nothing";
    pollfd surplus{lease.stream().fd(), POLLIN, 0};
    lease.Keep();
    EXPECT_EQ(pool_->counts().idle, 1u);
    given_back = true;
    given_back.notify_all();
    EXPECT_EQ(poll(&surplus, 1, 20'000), 1);
    UpstreamPool::Result second = co_await Acquire(target, nullptr);
    EXPECT_FALSE(std::get<UpstreamLease>(second).reused());
  });
  EXPECT_EQ(pool_->counts().found_closed, 1u);
}

TEST_F(UpstreamPoolTest, VerifiedServerIsReachedAndFactsAreKept) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    const UpstreamFacts& facts = *lease.connection().facts;
    EXPECT_EQ(facts.address, absl::StrCat("127.0.0.1:", origin.port()));
    EXPECT_EQ(facts.tls_version, "TLSv1.3");
    EXPECT_FALSE(facts.certificate_requested);
    EXPECT_EQ(facts.presented_certificate_id, "");
    EXPECT_EQ(facts.spki_sha256.size(), 64u);
    EXPECT_STREQ(SSL_get_servername(lease.stream().ssl(), TLSEXT_NAMETYPE_host_name), "one.example");
  });
}

TEST_F(UpstreamPoolTest, DecryptedBytesBehindAnAnswerEndTheConnection) {
  constexpr absl::string_view kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  Origin origin(
      [&](OriginConnection& connection) {
        connection.ReadHead();
        // One TLS record: the gateway decrypts all of it with the answer.
        connection.Write(absl::StrCat(kAnswer, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"));
        connection.ReadHead();
      },
      ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    const Deadline deadline = loop_.After(absl::Seconds(20));
    (void)co_await WriteAll(lease.stream(), "GET / HTTP/1.1\r\n\r\n", deadline);
    std::string answer(kAnswer.size(), ' ');
    const IoResult read = co_await Read(lease.stream(), absl::MakeSpan(answer), deadline);
    EXPECT_EQ(read.bytes, kAnswer.size());
    EXPECT_TRUE(lease.stream().HasBuffered());
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 0u);
}

TEST_F(UpstreamPoolTest, RefusalsHaveTheirReasons) {
  Origin origin(testing::Serves(""), ServerTls());
  Origin stranger(testing::Serves(""), {.chain = {&W().stranger}});
  const Pair expired_pair = testing::Issue(&W().root, {.names = "DNS:one.example",
                                                       .not_before = absl::Now() - absl::Hours(48),
                                                       .not_after = absl::Now() - absl::Hours(24)});
  Origin expired(testing::Serves(""), {.chain = {&expired_pair}});
  Origin plain([](OriginConnection& connection) {
    connection.ReadSome();
    connection.Write("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  EXPECT_EQ(FailureOf(Target("https", "one.example", origin.port()), Plain()).reason, Reason::kAllowed);
  EXPECT_EQ(FailureOf(Target("https", "other.example", origin.port()), Plain()).reason,
            Reason::kUpstreamCertName);
  const UpstreamFailure untrusted = FailureOf(Target("https", "one.example", stranger.port()), Plain());
  EXPECT_EQ(untrusted.reason, Reason::kUpstreamCertUntrusted);
  EXPECT_EQ(untrusted.spki_sha256.size(), 64u);
  EXPECT_EQ(FailureOf(Target("https", "one.example", expired.port()), Plain()).reason,
            Reason::kUpstreamCertExpired);
  EXPECT_EQ(FailureOf(Target("https", "one.example", plain.port()), Plain()).reason,
            Reason::kUpstreamTlsHandshake);
  EXPECT_EQ(FailureOf(Target("http", "one.example", 1), Plain()).reason, Reason::kUpstreamConnect);
  EXPECT_EQ(pool_->counts().in_use, 0u);
}

TEST_F(UpstreamPoolTest, FailClosedAnswersMakeNoConnection) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials refused = Plain();
  refused.reason = Reason::kUpstreamCredential;
  refused.detail = "pending";
  EXPECT_EQ(FailureOf(target, std::move(refused)).reason, Reason::kUpstreamCredential);
  EXPECT_EQ(FailureOf(target, UpstreamCredentials{}).reason, Reason::kUpstreamCredential)
      << "an answer that was never filled in";
  UpstreamCredentials no_key = With(W().client_a, "a");
  no_key.client_key_der = base::Secret();
  EXPECT_EQ(FailureOf(target, std::move(no_key)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials wrong_key = With(W().client_a, "a");
  wrong_key.client_key_der = base::Secret(W().client_b.KeyDer());
  EXPECT_EQ(FailureOf(target, std::move(wrong_key)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials no_chain = With(W().client_a, "a");
  no_chain.client_chain_der.clear();
  EXPECT_EQ(FailureOf(target, std::move(no_chain)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials version = Plain();
  version.min_version = "1.0";
  EXPECT_EQ(FailureOf(target, std::move(version)).reason, Reason::kUpstreamCredential);
  UpstreamCredentials ciphers = Plain();
  ciphers.ciphers = {"NO-SUCH", "ALL", "@SECLEVEL=0", "ADH-AES128-SHA"};
  EXPECT_EQ(FailureOf(target, std::move(ciphers)).reason, Reason::kUpstreamCredential);
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(result).reason, Reason::kUpstreamCredential);
  });
  EXPECT_EQ(origin.accepted(), 0);
}

TEST_F(UpstreamPoolTest, PinsEndToEnd) {
  const std::string stranger_pin = SpkiSha256(W().stranger.certificate.get());
  const auto pinned = [&](bool skip) {
    UpstreamCredentials credentials = Plain();
    credentials.pinned = true;
    credentials.pin_spki_sha256 = {stranger_pin};
    credentials.insecure_skip_verify = skip;
    return credentials;
  };
  Origin self_signed(testing::Serves(""), {.chain = {&W().stranger}});
  EXPECT_EQ(FailureOf(Target("https", "any.name", self_signed.port()), pinned(false)).reason,
            Reason::kAllowed);
  // Q2: an attacker's leaf with the pinned certificate appended.
  const Pair attacker = testing::SelfSigned("DNS:one.example");
  Origin appended(testing::Serves(""), {.chain = {&attacker, &W().stranger}});
  const UpstreamTargetPtr target = Target("https", "one.example", appended.port());
  EXPECT_EQ(FailureOf(target, pinned(false)).reason, Reason::kUpstreamPin);
  EXPECT_EQ(FailureOf(target, pinned(true)).reason, Reason::kUpstreamPin);
  const UpstreamFailure failure = FailureOf(target, pinned(false));
  EXPECT_NE(failure.detail.find("public key pinning error"), std::string::npos) << failure.detail;
  // A trusted server with the right name is no better.
  Origin trusted(testing::Serves(""), ServerTls());
  EXPECT_EQ(FailureOf(Target("https", "one.example", trusted.port()), pinned(false)).reason,
            Reason::kUpstreamPin);
  EXPECT_EQ(trusted.handshakes(), 0) << "the server sees an alert, not a finished handshake";
}

TEST_F(UpstreamPoolTest, PinnedCertificateWithoutItsKeyIsRefused) {
  // The pinned certificate as the leaf, but signed for with another key: possession fails.
  Pair thief;
  thief.certificate = crypto::ShareX509(W().stranger.certificate.get());
  thief.key = testing::NewKey(0);
  Origin origin(testing::Serves(""), {.chain = {&thief}});
  UpstreamCredentials credentials = Plain();
  credentials.pinned = true;
  credentials.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
  EXPECT_NE(FailureOf(Target("https", "one.example", origin.port()), std::move(credentials)).reason,
            Reason::kAllowed);
}

TEST_F(UpstreamPoolTest, ClientCertificateIsPresentedWithItsWholeChain) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::string seen;
    int chain = 0;
    OriginTls tls = ServerTls();
    tls.client_ca = &W().client_root;
    tls.require = true;
    tls.max_version = version;
    Origin origin(
        [&](OriginConnection& connection) {
          seen = connection.ClientSpki();
          chain = sk_X509_num(SSL_get_peer_cert_chain(connection.ssl()));
          while (!connection.ReadHead().empty()) connection.Answer("");
        },
        tls);
    const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
    const UpstreamCredentialsPtr credentials = Share(With(W().client_a, "org-a"));
    Run([&]() -> awaitable<void> {
      UpstreamPool::Result result = co_await Acquire(target, credentials);
      UpstreamLease& lease = std::get<UpstreamLease>(result);
      EXPECT_NE(co_await Exchange(lease), "");
      EXPECT_TRUE(lease.connection().facts->certificate_requested);
      EXPECT_EQ(lease.connection().facts->presented_certificate_id, "org-a");
      lease.Keep();
    });
    EXPECT_EQ(seen, KeyOf(W().client_a));
    EXPECT_EQ(chain, 1) << "intermediates beside the leaf (SSL_get_peer_cert_chain of a server)";
  }
}

TEST_F(UpstreamPoolTest, CertificateIsPresentedWhateverCaNamesTheServerAnnounces) { 
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  std::atomic<bool> presented{false};
  Origin origin(
      [&](OriginConnection& connection) {
        presented = !connection.ClientSpki().empty();
        while (!connection.ReadHead().empty()) connection.Answer("");
      },
      tls);
  const UpstreamCredentialsPtr credentials = Share(With(W().client_a, "a"));
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    (void)co_await Exchange(std::get<UpstreamLease>(result));
  });
  EXPECT_TRUE(presented);
}

TEST_F(UpstreamPoolTest, SessionsAreResumedWithinAKeyAndNeverAcross) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    OriginTls tls = ServerTls();
    tls.max_version = version;
    tls.client_ca = &W().client_root;
    Origin origin(testing::Serves(""), tls);
    const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
    const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
    const auto connect = [&](const UpstreamCredentialsPtr& credentials, bool* resumed) {
      Run([&, resumed]() -> awaitable<void> {
        UpstreamPool::Result result = co_await Acquire(target, credentials, /*fresh=*/true);
        UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
        if (lease == nullptr) co_return;
        *resumed = lease->connection().facts->resumed;
        (void)co_await Exchange(*lease);  // takes the tickets in
        EXPECT_EQ(lease->connection().facts->presented_certificate_id != "", true);
      });
    };
    bool resumed = true;
    connect(a, &resumed);
    EXPECT_FALSE(resumed);
    connect(a, &resumed);
    EXPECT_TRUE(resumed) << version;
    connect(Share(With(W().client_a, "a")), &resumed);
    EXPECT_TRUE(resumed) << "an equal answer has the same key";
    connect(Share(With(W().client_b, "b")), &resumed);
    EXPECT_FALSE(resumed) << "another certificate";
    UpstreamCredentials pinned = With(W().client_a, "a");
    pinned.pinned = true;
    pinned.pin_spki_sha256 = {SpkiSha256(W().server.certificate.get())};
    connect(Share(std::move(pinned)), &resumed);
    EXPECT_FALSE(resumed) << "other pins";
    UpstreamCredentials mismatch = With(W().client_a, "a");
    mismatch.pinned = true;
    mismatch.pin_spki_sha256 = {SpkiSha256(W().stranger.certificate.get())};
    EXPECT_EQ(FailureOf(target, std::move(mismatch)).reason, Reason::kUpstreamPin);
  }
}

TEST_F(UpstreamPoolTest, ChangedTrustStoreDropsConnectionsAndSessions) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, credentials);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    (void)co_await Exchange(lease);
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 1u);
  std::filesystem::remove(directory_ + "/root.pem");
  trust_->Refresh();
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 0u);
  EXPECT_EQ(FailureOf(target, Plain()).reason, Reason::kUpstreamCertUntrusted);
}

TEST_F(UpstreamPoolTest, TrustOfTheAnswerCountsForItOnly) {
  Origin origin(testing::Serves(""), {.chain = {&W().stranger}});
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials trusting = Plain();
  trusting.trust_der = {W().stranger.Der()};
  EXPECT_EQ(FailureOf(target, std::move(trusting)).reason, Reason::kAllowed);
  EXPECT_EQ(FailureOf(target, Plain()).reason, Reason::kUpstreamCertUntrusted);
}

TEST_F(UpstreamPoolTest, ServerNameReplacesTheHost) {
  Origin origin(testing::Serves(""), ServerTls());
  UpstreamCredentials named = Plain();
  named.server_name = "two.example";
  EXPECT_EQ(FailureOf(Target("https", "127.0.0.1", origin.port()), std::move(named)).reason,
            Reason::kAllowed);
  EXPECT_EQ(FailureOf(Target("https", "127.0.0.1", origin.port()), Plain()).reason,
            Reason::kUpstreamCertName);
}

TEST_F(UpstreamPoolTest, VersionsAndCiphersHold) {
  OriginTls old = ServerTls();
  old.max_version = TLS1_2_VERSION;
  Origin origin(testing::Serves(""), old);
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials newest = Plain();
  newest.min_version = "1.3";
  EXPECT_EQ(FailureOf(target, std::move(newest)).reason, Reason::kUpstreamTlsHandshake);
  UpstreamCredentials named = Plain();
  named.ciphers = {"unknown", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305"};
  const UpstreamCredentialsPtr shared = Share(std::move(named));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, shared);
    EXPECT_STREQ(SSL_get_cipher(std::get<UpstreamLease>(result).stream().ssl()),
                 "ECDHE-ECDSA-CHACHA20-POLY1305");
  });
}

TEST_F(UpstreamPoolTest, RetiredCertificateLeavesNoPooledConnection) {
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  Origin origin(testing::Serves(""), tls);
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr a = Share(With(W().client_a, "a"));
  const UpstreamCredentialsPtr b = Share(With(W().client_b, "b"));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result in_use = co_await Acquire(target, a);
    for (const UpstreamCredentialsPtr& one : {a, b}) {
      UpstreamPool::Result result = co_await Acquire(target, one);
      (void)co_await Exchange(std::get<UpstreamLease>(result));
      std::get<UpstreamLease>(result).Keep();
    }
    EXPECT_EQ(pool_->counts().idle, 2u);
    pool_->RetireTag("api:x");
    EXPECT_EQ(pool_->counts().idle, 2u);
    pool_->RetireTag("cert:a");
    EXPECT_EQ(pool_->counts().idle, 1u);
    std::get<UpstreamLease>(in_use).Keep();
    EXPECT_EQ(pool_->counts().idle, 1u) << "one in use goes when it comes back";
  });
}

TEST_F(UpstreamPoolTest, AnAnswerWithMoreTagsThanAreKeptIsRetiredByAny) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentials credentials = Plain();
  for (int i = 0; i < 100; ++i) credentials.tags.push_back(absl::StrCat("cert:", i));
  const UpstreamCredentialsPtr shared = Share(std::move(credentials));
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, shared);
    UpstreamLease& lease = std::get<UpstreamLease>(result);
    (void)co_await Exchange(lease);
    lease.Keep();
  });
  EXPECT_EQ(pool_->counts().idle, 1u);
  pool_->RetireTag("cert:99");
  EXPECT_EQ(pool_->counts().idle, 0u);
}

TEST_F(UpstreamPoolTest, AnswersThatNobodyHoldsLeaveNoPooledConnection) {
  Origin origin(testing::Serves(""), ServerTls());
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  UpstreamCredentialsPtr first = Share(Plain());
  UpstreamCredentialsPtr equal = Share(Plain());
  Run([&]() -> awaitable<void> {
    for (const UpstreamCredentialsPtr& one : {first, equal}) {
      UpstreamPool::Result result = co_await Acquire(target, one);
      (void)co_await Exchange(std::get<UpstreamLease>(result));
      std::get<UpstreamLease>(result).Keep();
    }
  });
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 1u);
  first = nullptr;
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 1u) << "an equal answer is still held";
  equal = nullptr;
  pool_->Sweep();
  EXPECT_EQ(pool_->counts().idle, 0u);
}

TEST_F(UpstreamPoolTest, LimitsHold) {
  Origin origin(testing::Serves(""));
  MakePool({.max_idle_per_key = 2, .max_connections_per_key = 4});
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    std::vector<UpstreamLease> leases;
    for (int i = 0; i < 4; ++i) {
      UpstreamPool::Result result = co_await Acquire(target, nullptr);
      leases.push_back(std::move(std::get<UpstreamLease>(result)));
    }
    UpstreamPool::Result full = co_await Acquire(target, nullptr);
    EXPECT_EQ(std::get<UpstreamFailure>(full).reason, Reason::kUpstreamPoolFull);
    for (UpstreamLease& lease : leases) lease.Keep();
    EXPECT_EQ(pool_->counts().idle, 2u);
  });
}

TEST_F(UpstreamPoolTest, KeysAreBounded) {
  Origin origin(testing::Serves(""));
  MakePool({.max_keys = 10});
  for (int i = 0; i < 60; ++i) {
    (void)FailureOf(Target("http", absl::StrCat("h", i), origin.port()), Plain());
  }
  EXPECT_LE(pool_->counts().keys, 10u);
}

TEST_F(UpstreamPoolTest, SilentServerEndsAtTheDeadline) {
  Origin origin([](OriginConnection& connection) { connection.ReadUntil("never"); });
  const UpstreamTargetPtr target = Target("https", "one.example", origin.port());
  const UpstreamCredentialsPtr credentials = Share(Plain());
  Run([&]() -> awaitable<void> {
    const UpstreamPool::Limits limits{loop_.After(absl::Milliseconds(100)), false};
    UpstreamPool::Result result = co_await pool_->Acquire(target, credentials, permit_, limits);
    EXPECT_EQ(std::get<UpstreamFailure>(result).reason, Reason::kUpstreamConnectTimeout);
  });
}

TEST_F(UpstreamPoolTest, LeaseMayOutliveThePool) {
  Origin origin(testing::Serves(""));
  const UpstreamTargetPtr target = Target("http", "one.example", origin.port());
  Run([&]() -> awaitable<void> {
    UpstreamPool::Result result = co_await Acquire(target, nullptr);
    UpstreamLease lease = std::move(std::get<UpstreamLease>(result));
    pool_ = nullptr;
    EXPECT_NE(co_await Exchange(lease), "");
    lease.Keep();
  });
}

// Issue, "It must show" 3: two hosts of one API with different certificates at the same time.
TEST_F(UpstreamPoolTest, TwoHostsNeverGetEachOthersCertificate) {
  std::atomic<int> wrong{0};
  std::atomic<int> served{0};
  const auto expects = [&](const Pair& client) {
    return [&, expected = KeyOf(client)](OriginConnection& connection) {
      while (!connection.ReadHead().empty()) {
        ++served;
        if (connection.ClientSpki() != expected) ++wrong;
        connection.Answer("");
      }
    };
  };
  OriginTls tls = ServerTls();
  tls.client_ca = &W().client_root;
  tls.require = true;
  Origin one(expects(W().client_a), tls);
  Origin two(expects(W().client_b), tls);
  const UpstreamTargetPtr target_one = Target("https", "one.example", one.port());
  const UpstreamTargetPtr target_two = Target("https", "two.example", two.port());
  constexpr int kWorkers = 8;
  constexpr int kRounds = 60;
  int left = kWorkers;
  Run([&]() -> awaitable<void> {
    Event finished(loop_);
    const auto worker = [&](int number) -> awaitable<void> {
      for (int i = 0; i < kRounds; ++i) {
        const bool first = (i + number) % 2 == 0;
        // A new object each time, as after an eviction.
        const UpstreamCredentialsPtr credentials =
            Share(first ? With(W().client_a, "a") : With(W().client_b, "b"));
        UpstreamPool::Result result =
            co_await Acquire(first ? target_one : target_two, credentials, /*fresh=*/i % 7 == 0);
        UpstreamLease* const lease = std::get_if<UpstreamLease>(&result);
        EXPECT_NE(lease, nullptr);
        if (lease == nullptr) break;
        EXPECT_EQ(lease->connection().facts->presented_certificate_id, first ? "a" : "b");
        EXPECT_NE(co_await Exchange(*lease), "");
        if (i % 5 != 0) lease->Keep();
      }
      if (--left == 0) finished.Set();
    };
    for (int i = 0; i < kWorkers; ++i) {
      boost::asio::co_spawn(loop_.context(), worker(i), boost::asio::detached);
    }
    (void)co_await finished.Wait(Deadline::Never());
  });
  EXPECT_EQ(served, kWorkers * kRounds);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace sallyport::dataplane
