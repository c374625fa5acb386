#include "dataplane/tls/server_tls.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <csignal>
#include <future>
#include <map>

#include "dataplane/sync/shared_tickets.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using testing::CertBuilder;
using testing::KeyType;
using testing::TestCert;

// The real clock, whose wall time can be moved.
class MovedClock final : public base::Clock {
 public:
  absl::Time Now() const override {
    return base::SystemClock().Now() + absl::Seconds(shift_seconds.load());
  }
  absl::Duration Monotonic() const override {
    return base::SystemClock().Monotonic() + absl::Seconds(shift_seconds.load());
  }
  std::atomic<int64_t> shift_seconds{0};
};

class FakeSource final : public ServerSource {
 public:
  ClientTlsAnswer ClientTls(absl::string_view sni, uint16_t /*port*/) override {
    const auto found = client_tls.find(std::string(sni));
    return found == client_tls.end() ? ClientTlsAnswer{false, 1, nullptr} : found->second;
  }
  Credential FindCredential(absl::string_view sni, absl::string_view /*listener*/,
                            absl::string_view /*peer*/, std::function<void()> ready) override {
    if (overloaded) return {Credential::State::kOverloaded, nullptr};
    if (pending > 0) {
      --pending;
      if (!hold) loop->Post(std::move(ready));
      return {Credential::State::kPending, nullptr};
    }
    const auto found = credentials.find(std::string(sni));
    if (found == credentials.end()) return {};
    return {Credential::State::kFound, found->second};
  }

  Loop* loop = nullptr;
  std::map<std::string, ClientTlsAnswer> client_tls;
  std::map<std::string, std::shared_ptr<const ServerCredential>> credentials;
  int pending = 0;    // answers that come later
  bool hold = false;  // and never say ready
  bool overloaded = false;
};

struct ServerView {
  bool shaken = false;
  std::string label;
  HandshakeReport report;
  absl::StatusOr<TlsPeer> peer = absl::UnknownError("no handshake");
};

struct ClientOptions {
  std::string sni = "api.example.com";
  std::vector<const TestCert*> chain;  // leaf first; empty: none
  int max_version = TLS1_3_VERSION;
  SSL_SESSION* session = nullptr;
  std::string alpn;  // wire format
};

struct ClientView {
  bool shaken = false;
  bool resumed = false;
  int alert = 0;  // that the server sent
  std::string read;
  bool told_of_end = false;  // by close_notify
  std::string alpn;
  crypto::UniqueSslSession session;  // the newest
  int tickets = 0;                   // that came
  std::string server_leaf;
  int announced_cas = 0;
  bool certificate_requested = false;
};

class ServerTlsTest : public ::testing::Test {
 protected:
  ServerTlsTest()
      : keys_(clock_),
        ca_(CertBuilder("CN=Client CA").Ca().SelfSign()),
        leaf_(CertBuilder("CN=alice").SignBy(ca_)),
        server_(CertBuilder("CN=srv").Dns("api.example.com").ServerAuth().SelfSign()) {}

  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // as main does
    Start({});
  }
  void TearDown() override {
    loop_->Stop();
    loop_->Join();
    loop_->RunFor(absl::Milliseconds(20));
    server_tls_.reset();
    left_.reset();
    source_.credentials.clear();
    loop_.reset();
  }

  void Start(ServerTlsSettings settings) {
    loop_ = std::make_unique<Loop>(0, clock_);
    source_.loop = loop_.get();
    library_ = *TlsLibrary::Create();
    server_tls_ = *ServerTls::Create(settings, *loop_, *library_, source_, keys_, chains_);
    source_.credentials["api.example.com"] = Credential({&server_});
    source_.credentials["other.example.com"] = Credential({&server_});
    source_.client_tls["api.example.com"] = {true, 7, nullptr};
    source_.client_tls["other.example.com"] = {true, 8, nullptr};
    source_.client_tls["plain.example.com"] = {false, 9, nullptr};
    source_.credentials["plain.example.com"] = Credential({&server_});
    loop_->Start();
  }

  std::shared_ptr<const ServerCredential> Credential(const std::vector<const TestCert*>& certs) {
    std::vector<ServerCredential::Pair> pairs;
    std::vector<std::string> keys;
    for (const TestCert* cert : certs) keys.push_back(cert->KeyDer());
    for (size_t i = 0; i < certs.size(); ++i) pairs.push_back({{certs[i]->der}, keys[i]});
    auto made = ServerCredential::Create(*library_, pairs);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *made : nullptr;
  }

  // The server's side: handshake, one ticket, `text_`, the end.
  std::future<ServerView> Serve(int fd, absl::Duration limit) {
    auto promise = std::make_shared<std::promise<ServerView>>();
    std::future<ServerView> future = promise->get_future();
    loop_->Post([this, fd, limit, promise] {
      boost::asio::co_spawn(
          loop_->context(),
          [](ServerTlsTest* test, int socket, absl::Duration time,
             std::shared_ptr<std::promise<ServerView>> done) -> boost::asio::awaitable<void> {
            ServerView view;
            auto connection = *test->server_tls_->Accept(socket, test->listener_);
            const Deadline deadline = test->loop_->After(time);
            const IoResult result = co_await connection->Handshake(deadline);
            view.shaken = result.ok();
            if (result.ok()) {
              view.peer = connection->Peer();
              if (test->before_offer_) test->before_offer_();
              connection->OfferTicket();
              (void)co_await WriteAll(connection->stream(), test->text_, deadline);
              connection->stream().TryShutdown();
            } else {
              view.label = std::string(connection->FailureLabel(result));
              view.report = connection->Report(result);
            }
            connection.reset();
            done->set_value(std::move(view));
          }(this, fd, limit, promise),
          boost::asio::detached);
    });
    return future;
  }

  static int KeepSession(SSL* ssl, SSL_SESSION* session) {
    auto* const view = static_cast<ClientView*>(SSL_get_app_data(ssl));
    view->session.reset(session);
    ++view->tickets;
    return 1;
  }
  static int NoteRequest(SSL* ssl, void* /*unused*/) {
    auto* const view = static_cast<ClientView*>(SSL_get_app_data(ssl));
    view->certificate_requested = true;
    view->announced_cas = std::max(0, sk_X509_NAME_num(SSL_get_client_CA_list(ssl)));
    return 1;
  }
  static void NoteAlert(const SSL* ssl, int where, int value) {
    auto* const view = static_cast<ClientView*>(SSL_get_app_data(ssl));
    if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != 0) {
      view->alert = value & 0xff;
    }
  }

  static crypto::UniqueSslCtx ClientContext(const ClientOptions& options) {
    crypto::UniqueSslCtx context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context.get(), options.max_version);
    SSL_CTX_set_session_cache_mode(context.get(),
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), KeepSession);
    SSL_CTX_set_cert_cb(context.get(), NoteRequest, nullptr);
    SSL_CTX_set_info_callback(context.get(), NoteAlert);
    for (size_t i = 0; i < options.chain.size(); ++i) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(options.chain[i]->der.data());
      crypto::UniqueX509 x509(
          d2i_X509(nullptr, &bytes, static_cast<long>(options.chain[i]->der.size())));
      if (i == 0) {
        EXPECT_EQ(SSL_CTX_use_certificate(context.get(), x509.get()), 1);
        EXPECT_EQ(SSL_CTX_use_PrivateKey(context.get(), options.chain[0]->key.get()), 1);
      } else {
        EXPECT_EQ(SSL_CTX_add1_chain_cert(context.get(), x509.get()), 1);
      }
    }
    SSL_CTX_set_mode(context.get(), SSL_MODE_NO_AUTO_CHAIN);
    return context;
  }

  ClientView Connect(int fd, const ClientOptions& options) {
    ClientView view;
    const crypto::ErrorScope errors;
    const crypto::UniqueSslCtx context = ClientContext(options);
    const crypto::UniqueSsl ssl(SSL_new(context.get()));
    SSL_set_app_data(ssl.get(), &view);
    SSL_set_fd(ssl.get(), fd);
    if (!options.sni.empty()) SSL_set_tlsext_host_name(ssl.get(), options.sni.c_str());
    if (options.session != nullptr) SSL_set_session(ssl.get(), options.session);
    if (!options.alpn.empty()) {
      SSL_set_alpn_protos(ssl.get(), reinterpret_cast<const unsigned char*>(options.alpn.data()),
                          static_cast<unsigned>(options.alpn.size()));
    }
    view.shaken = SSL_connect(ssl.get()) == 1;
    char buffer[16];
    int count = 0;
    while (view.shaken && (count = SSL_read(ssl.get(), buffer, sizeof(buffer))) > 0) {
      view.read.append(buffer, static_cast<size_t>(count));
    }
    view.told_of_end = (SSL_get_shutdown(ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
    view.resumed = SSL_session_reused(ssl.get()) == 1;
    // A renewed ticket of a resumed TLS 1.2 session is not told by the callback.
    if (view.resumed && view.session == nullptr) view.session.reset(SSL_get1_session(ssl.get()));
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl.get(), &name, &size);
    view.alpn.assign(reinterpret_cast<const char*>(name), size);
    if (X509* leaf = SSL_get0_peer_certificate(ssl.get())) {
      unsigned char* bytes = nullptr;
      const int length = i2d_X509(leaf, &bytes);
      view.server_leaf.assign(reinterpret_cast<const char*>(bytes), static_cast<size_t>(length));
      OPENSSL_free(bytes);
    }
    SSL_set_shutdown(ssl.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    return view;
  }

  struct Both {
    ClientView client;
    ServerView server;
  };
  Both Run(const ClientOptions& options, absl::Duration limit = absl::Minutes(1)) {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    SetNonBlocking(ends[0]);
    const timeval patience = {90, 0};
    setsockopt(ends[1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    std::future<ServerView> server = Serve(ends[0], limit);
    Both both;
    both.client = Connect(ends[1], options);
    close(ends[1]);
    both.server = server.get();
    return both;
  }
  static void SetNonBlocking(int fd) {
    const int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }

  // A CA too large for its clients' tickets.
  static TestCert LargeCa() {
    CertBuilder builder("CN=large CA");
    for (int i = 0; i < 120; ++i)
      builder.Dns(std::to_string(i) + ".a-rather-long-name.example.com");
    TestCert large = builder.Ca().SelfSign();
    EXPECT_GT(large.der.size(), kMostIssuerBytes);
    return large;
  }
  // From here on connections come to another replica: it has seen no chain and has its own keys.
  void GoToAnotherReplica() {
    left_ = std::move(server_tls_);
    server_tls_ = *ServerTls::Create({}, *loop_, *library_, source_, other_keys_, other_chains_);
  }
  static SharedTicketKeys GroupKeys(char letter) {
    SharedTicketKeys keys;
    keys.life = absl::Hours(3);
    keys.keys.push_back(
        {std::string(16, letter), base::Secret(std::string(64, letter)), absl::ZeroDuration()});
    return keys;
  }

  MovedClock clock_;
  TicketKeys keys_;
  TicketKeys other_keys_{clock_};
  ChainStore other_chains_;
  ChainStore chains_;
  FakeSource source_;
  ListenerFacts listener_{"main", 0};
  std::unique_ptr<TlsLibrary> library_;
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<ServerTls> server_tls_;
  std::unique_ptr<ServerTls> left_;
  const TestCert ca_;
  const TestCert leaf_;
  const TestCert server_;
  std::string text_ = "hi";
  std::function<void()> before_offer_;
};

class BothVersions : public ServerTlsTest, public ::testing::WithParamInterface<int> {
 protected:
  ClientOptions WithLeaf() const {
    ClientOptions options;
    options.chain = {&leaf_};
    options.max_version = GetParam();
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(Tls, BothVersions, ::testing::Values(TLS1_2_VERSION, TLS1_3_VERSION));

TEST_P(BothVersions, TakesTheProvenChainWithoutJudgingIt) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  options.sni = "API.example.com";
  const Both both = Run(options);
  ASSERT_TRUE(both.client.shaken && both.server.shaken) << both.server.label;
  ASSERT_TRUE(both.server.peer.ok()) << both.server.peer.status();
  const TlsPeer& peer = *both.server.peer;
  EXPECT_EQ(peer.sni, "api.example.com");
  EXPECT_EQ(peer.client_tls_version, 7u);
  EXPECT_TRUE(peer.asked_for_certificate);
  ASSERT_NE(peer.chain, nullptr);
  ASSERT_EQ(peer.chain->chain_der.size(), 2u);
  EXPECT_EQ(peer.chain->chain_der[0], leaf_.der);
  EXPECT_EQ(peer.chain->chain_der[1], ca_.der);
  EXPECT_EQ(peer.chain->leaf_hex, base::Hex(leaf_.cert->fingerprint));
  EXPECT_FALSE(peer.resumed);
  EXPECT_EQ(both.client.read, "hi");
}

TEST_P(BothVersions, NoCertificateIsNoHandshakeFailure) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_TRUE(both.client.certificate_requested);
  EXPECT_EQ(both.client.announced_cas, 0) << "no CA names unless switched on";
  EXPECT_EQ(both.server.peer->chain, nullptr);
}

TEST_P(BothVersions, TellsOfTheEndThoughATicketStillWaitsForAWrite) {
  text_.clear();
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.client.shaken && both.server.shaken);
  EXPECT_TRUE(both.client.told_of_end);
  EXPECT_NE(both.client.session, nullptr);
}

TEST_P(BothVersions, IsNotRequestedWhereNoApiCanUseIt) {
  ClientOptions options = WithLeaf();
  options.sni = "plain.example.com";
  const Both both = Run(options);
  ASSERT_TRUE(both.server.shaken);
  EXPECT_FALSE(both.client.certificate_requested);
  EXPECT_EQ(both.server.peer->chain, nullptr);
  EXPECT_FALSE(both.server.peer->asked_for_certificate);
}

TEST_P(BothVersions, UnknownNameGetsUnrecognizedName) {
  for (const char* sni : {"nobody.example.com", ""}) {
    ClientOptions options = WithLeaf();
    options.sni = sni;
    const Both both = Run(options);
    EXPECT_FALSE(both.server.shaken);
    EXPECT_FALSE(both.client.shaken);
    EXPECT_EQ(both.client.alert, SSL_AD_UNRECOGNIZED_NAME);
    EXPECT_EQ(both.server.label, "no_server_certificate");
  }
}

TEST_P(BothVersions, OverloadIsAnInternalErrorNotAnotherCertificate) {
  source_.overloaded = true;
  const Both both = Run(WithLeaf());
  EXPECT_FALSE(both.client.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_INTERNAL_ERROR);
  EXPECT_EQ(both.server.label, "overloaded");
}

TEST_P(BothVersions, WaitsForTheCertificateOfTheName) {
  source_.pending = 2;
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.server.shaken) << both.server.label;
  EXPECT_NE(both.server.peer->chain, nullptr);
}

TEST_P(BothVersions, WaitingHasADeadline) {
  source_.pending = 1;
  source_.hold = true;
  const Both both = Run(WithLeaf(), absl::Milliseconds(100));
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "timeout");
}

TEST_P(BothVersions, TooManyCertificatesAreRefused) {
  std::vector<TestCert> more;
  more.reserve(9);
  ClientOptions options = WithLeaf();
  for (int i = 0; i < 8; ++i) {
    more.push_back(CertBuilder("CN=x").SelfSign());
    options.chain.push_back(&more.back());
  }
  const Both both = Run(options);  // nine
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "too_many_certificates");
  ASSERT_TRUE(both.server.report.presented.has_value());
  EXPECT_EQ(both.server.report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
  options.chain.pop_back();
  EXPECT_TRUE(Run(options).server.shaken) << "eight are allowed";
}

// `owner`'s certificate with a key that only claims to be its own: the public half is, so that
// OpenSSL takes it, and the private one is not.
TestCert Stolen(const TestCert& owner) {
  unsigned char point[65];
  size_t size = 0;
  EXPECT_EQ(EVP_PKEY_get_octet_string_param(owner.key.get(), "pub", point, sizeof(point), &size),
            1);
  EXPECT_EQ(size, sizeof(point));
  constexpr char kCurve[] = "\xa0\x0a\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
  std::string der("\x30\x77\x02\x01\x01\x04\x20", 7);
  der.append(32, 'k').append(kCurve, 12).append("\xa1\x44\x03\x42\x00", 5);
  der.append(reinterpret_cast<const char*>(point), sizeof(point));
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  TestCert stolen = owner;
  stolen.key.reset(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())), EVP_PKEY_free);
  EXPECT_NE(stolen.key, nullptr);
  return stolen;
}

TEST_P(BothVersions, AStolenCertificateIsReportedAsNotProven) {
  const TestCert stolen = Stolen(leaf_);
  ClientOptions options = WithLeaf();
  options.chain = {&stolen};
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  const HandshakeReport& report = both.server.report;
  EXPECT_EQ(report.label, "bad_client_signature");
  EXPECT_EQ(report.alert, "sent decrypt error (51)");
  EXPECT_EQ(report.sni, "api.example.com");
  ASSERT_TRUE(report.presented.has_value());
  EXPECT_EQ(report.presented->sha256, base::Hex(leaf_.cert->fingerprint));
  EXPECT_EQ(report.presented->subject, "CN=alice");
  EXPECT_EQ(report.presented->issuer, "CN=Client CA");
  EXPECT_FALSE(report.presented->serial.empty());
}

TEST_P(BothVersions, NothingIsReportedAsPresentedWhereNothingCame) {
  ClientOptions options = WithLeaf();
  options.sni = "nobody.example.com";
  const HandshakeReport report = Run(options).server.report;
  EXPECT_EQ(report.alert, "sent unrecognized name (112)");
  EXPECT_TRUE(report.hello_seen);
  EXPECT_FALSE(report.presented.has_value());
}

TEST_F(ServerTlsTest, WhoSendsNothingHasNoHello) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  SetNonBlocking(ends[0]);
  std::future<ServerView> server = Serve(ends[0], absl::Minutes(1));
  close(ends[1]);
  const HandshakeReport report = server.get().report;
  EXPECT_EQ(report.label, "closed_by_client");
  EXPECT_FALSE(report.hello_seen);
  EXPECT_FALSE(report.presented.has_value());
}

TEST_P(BothVersions, OversizeCertificateMessageIsRefused) {
  CertBuilder builder("CN=big");
  for (int i = 0; i < 400; ++i) {
    builder.Dns("a-name-that-is-rather-long-" + std::to_string(i) + ".example.com");
  }
  const TestCert big = builder.SignBy(ca_);
  ASSERT_GT(big.der.size(), 16u * 1024);
  ClientOptions options = WithLeaf();
  options.chain = {&big};
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.server.label, "certificate_too_large");
}

TEST_P(BothVersions, ResumesWithTheSameChain) {
  ClientOptions options = WithLeaf();
  options.chain = {&leaf_, &ca_};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
  EXPECT_TRUE(second.server.peer->resumed);
  ASSERT_NE(second.server.peer->chain, nullptr);
  EXPECT_EQ(second.server.peer->chain->chain_der.size(), 2u) << "the chain, not only the leaf";
  EXPECT_EQ(second.server.peer->chain->chain_sha256, first.server.peer->chain->chain_sha256);
}

TEST_P(BothVersions, AnotherLeafWithTheSameCertificatesChangesNothing) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  // The same set of certificates, and so the same hash, but the other one was proven.
  chains_.Put(MakeClientChain({large.der, leaf_.der}));
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.client.resumed);
  ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
  EXPECT_EQ(second.server.peer->chain->leaf_sha256, first.server.peer->chain->leaf_sha256);
  EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
}

TEST_P(BothVersions, ResumesWithoutCertificate) {
  ClientOptions options;
  options.max_version = GetParam();
  const Both first = Run(options);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain, nullptr);
}

TEST_P(BothVersions, TicketOfAnotherNameIsNotTaken) {
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.sni = "other.example.com";
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
}

TEST_P(BothVersions, TicketOfOtherClientTlsSettingsIsNotTaken) {
  source_.client_tls["api.example.com"] = {false, 6, nullptr};
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr) << "asked for now";
}

TEST_P(BothVersions, TicketAgeCountsFromTheFullHandshake) {
  ClientOptions options = WithLeaf();
  Both last = Run(options);
  // Renewed every hour: keys rotate, age does not restart.
  for (int hour = 1; hour < 8; ++hour) {
    clock_.shift_seconds = hour * 3600;
    options.session = last.client.session.get();
    Both next = Run(options);
    ASSERT_TRUE(next.client.resumed) << hour;
    if (next.client.session != nullptr) last = std::move(next);
  }
  clock_.shift_seconds = 8 * 3600 + 60;
  options.session = last.client.session.get();
  EXPECT_FALSE(Run(options).client.resumed);
}

TEST_P(BothVersions, TicketsOfForgottenKeysAreNotTaken) {
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  keys_.DropAll();
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr);
}

TEST_P(BothVersions, AChainThatIsTooLargeForTheTicketIsResumedByWhoSawIt) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  const Both first = Run(options);
  EXPECT_EQ(chains_.size(), 1u);
  options.session = first.client.session.get();
  const Both second = Run(options);
  ASSERT_TRUE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
}

TEST_P(BothVersions, AnotherReplicaOfTheGroupResumesWithTheSameChain) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('g'));
  for (const bool with_issuer : {false, true}) {
    ClientOptions options = WithLeaf();
    if (with_issuer) options.chain.push_back(&ca_);
    const Both first = Run(options);
    GoToAnotherReplica();
    options.session = first.client.session.get();
    const Both second = Run(options);
    ASSERT_TRUE(second.client.resumed);
    ASSERT_TRUE(second.server.peer.ok()) << second.server.peer.status();
    EXPECT_TRUE(second.server.peer->resumed);
    EXPECT_EQ(second.server.peer->chain->chain_der, first.server.peer->chain->chain_der);
    EXPECT_EQ(second.server.peer->chain->cache_key, first.server.peer->chain->cache_key);
    std::swap(server_tls_, left_);
  }
  EXPECT_EQ(chains_.size() + other_chains_.size(), 0u) << "the tickets carry the chains";
}

TEST_P(BothVersions, AnotherReplicaTakesNoTicketOfAnotherNameOrOtherSettings) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('g'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  GoToAnotherReplica();
  options.sni = "other.example.com";
  EXPECT_FALSE(Run(options).client.resumed);
  options.sni = "api.example.com";
  source_.client_tls["api.example.com"] = {true, 77, nullptr};
  EXPECT_FALSE(Run(options).client.resumed);
  source_.client_tls["api.example.com"] = {true, 7, nullptr};
  EXPECT_TRUE(Run(options).client.resumed) << "nothing else kept it from it";
}

TEST_P(BothVersions, AReplicaWithOtherKeysTakesNoTicket) {
  keys_.SetShared(GroupKeys('g'));
  other_keys_.SetShared(GroupKeys('h'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  // The same name and another secret: a ticket that was tampered with, or forged.
  SharedTicketKeys same_name = GroupKeys('g');
  GoToAnotherReplica();
  EXPECT_FALSE(Run(options).client.resumed);
  same_name.keys[0].secret = base::Secret(std::string(64, 'x'));
  other_keys_.SetShared(same_name);
  const Both second = Run(options);
  EXPECT_TRUE(second.server.shaken);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_NE(second.server.peer->chain, nullptr) << "a full handshake instead";
}

TEST_P(BothVersions, TicketsOfReplacedSharedKeysAreNotTaken) {
  keys_.SetShared(GroupKeys('g'));
  ClientOptions options = WithLeaf();
  const Both first = Run(options);
  options.session = first.client.session.get();
  ASSERT_TRUE(Run(options).client.resumed);
  keys_.SetShared(GroupKeys('h'));
  EXPECT_FALSE(Run(options).client.resumed);
}

TEST_P(BothVersions, UnknownChainForcesAFullHandshake) {
  ClientOptions options = WithLeaf();
  const TestCert large = LargeCa();
  options.chain = {&leaf_, &large};
  const Both first = Run(options);
  // Another replica, or one that was restarted with the same ticket keys.
  for (int i = 0; i < 9000; ++i) {
    chains_.Put(MakeClientChain({std::to_string(i), "issuer"}));
  }
  options.session = first.client.session.get();
  const Both second = Run(options);
  EXPECT_FALSE(second.client.resumed);
  EXPECT_EQ(second.server.peer->chain->chain_der.size(), 2u);
}

TEST_P(BothVersions, ExpiredLeafIsNotResumed) {
  const absl::Time now = absl::Now();
  const TestCert brief =
      CertBuilder("CN=brief").Valid(now - absl::Hours(1), now + absl::Hours(1)).SignBy(ca_);
  ClientOptions options = WithLeaf();
  options.chain = {&brief};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  clock_.shift_seconds = 2 * 3600;
  options.session = first.client.session.get();
  EXPECT_FALSE(Run(options).client.resumed);
}

TEST_P(BothVersions, AlpnPrefersHttp2) {
  ClientOptions options = WithLeaf();
  options.alpn = std::string("\x08http/1.1\x02h2");
  const Both both = Run(options);
  EXPECT_EQ(both.client.alpn, "h2");
  EXPECT_TRUE(both.server.peer->http2);
  options.alpn = std::string("\x08http/1.1");
  const Both old = Run(options);
  EXPECT_EQ(old.client.alpn, "http/1.1");
  EXPECT_FALSE(old.server.peer->http2);
  options.alpn.clear();
  EXPECT_FALSE(Run(options).server.peer->http2);
  options.alpn = std::string("\x02h3");
  const Both neither = Run(options);
  EXPECT_FALSE(neither.server.shaken);
  EXPECT_EQ(neither.client.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_P(BothVersions, AlpnIsHttp11OrNothingWhereHttp2IsOff) {
  listener_.http2 = false;
  ClientOptions options = WithLeaf();
  options.alpn = std::string("\x02h2\x08http/1.1");
  EXPECT_EQ(Run(options).client.alpn, "http/1.1");
  options.alpn = std::string("\x02h2");
  const Both both = Run(options);
  EXPECT_FALSE(both.server.shaken);
  EXPECT_EQ(both.client.alert, SSL_AD_NO_APPLICATION_PROTOCOL);
}

TEST_P(BothVersions, AnnouncesCasOnlyWhereSwitchedOn) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(ca_.der.data());
  const crypto::UniqueX509 x509(d2i_X509(nullptr, &bytes, static_cast<long>(ca_.der.size())));
  unsigned char* name = nullptr;
  const int size = i2d_X509_NAME(X509_get_subject_name(x509.get()), &name);
  const auto names = std::make_shared<const std::vector<std::string>>(
      1, std::string(reinterpret_cast<const char*>(name), static_cast<size_t>(size)));
  OPENSSL_free(name);
  source_.client_tls["api.example.com"] = {true, 7, names};
  const Both both = Run(WithLeaf());
  ASSERT_TRUE(both.server.shaken) << both.server.label;
  EXPECT_EQ(both.client.announced_cas, 1);
}

TEST_F(ServerTlsTest, OldVersionsAreRefused) {
  ClientOptions options;
  options.max_version = TLS1_1_VERSION;
  EXPECT_FALSE(Run(options).server.shaken);
}

TEST_F(ServerTlsTest, RsaAndEcdsaSideBySide) {
  const TestCert rsa =
      CertBuilder("CN=srv").Dns("api.example.com").ServerAuth().Key(KeyType::kRsa2048).SelfSign();
  source_.credentials["api.example.com"] = Credential({&rsa, &server_});
  const Both both = Run({});
  ASSERT_TRUE(both.server.shaken);
  EXPECT_EQ(both.client.server_leaf, server_.der) << "ECDSA where the client takes it";
}

TEST_F(ServerTlsTest, EveryKeyTypeOfAClientWorks) {
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519,
                             KeyType::kRsa2048, KeyType::kRsa4096}) {
    const TestCert client = CertBuilder("CN=c").Key(type).SignBy(ca_);
    ClientOptions options;
    options.chain = {&client};
    const Both both = Run(options);
    ASSERT_TRUE(both.server.shaken) << static_cast<int>(type) << " " << both.server.label;
    EXPECT_EQ(both.server.peer->chain->chain_der[0], client.der);
  }
}

TEST_F(ServerTlsTest, GarbageAndHalfHellosEnd) {
  for (const std::string& bytes : {std::string("GET / HTTP/1.1\r\n\r\n"),
                                   std::string("\x16\x03\x01\x02", 4), std::string(100, '\xff')}) {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    SetNonBlocking(ends[0]);
    std::future<ServerView> server = Serve(ends[0], absl::Milliseconds(200));
    ASSERT_EQ(write(ends[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    const ServerView view = server.get();
    EXPECT_FALSE(view.shaken);
    EXPECT_FALSE(view.label.empty());
    close(ends[1]);
  }
}

TEST_F(ServerTlsTest, KeyOfAnotherCertificateIsRefused) {
  const TestCert other = CertBuilder("CN=other").SelfSign();
  const std::string key = other.KeyDer();
  const auto made = ServerCredential::Create(*library_, {{{server_.der}, key}});
  EXPECT_FALSE(made.ok());
  EXPECT_FALSE(ServerCredential::Create(*library_, {}).ok());
}

TEST_F(ServerTlsTest, PemFilesWork) {
  const auto made = ServerCredential::FromPem(*library_, server_.Pem(), server_.KeyPem());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)->names(), std::vector<std::string>{"api.example.com"});
  EXPECT_EQ((*made)->not_after(), server_.cert->not_after);
  EXPECT_FALSE(ServerCredential::FromPem(*library_, "x", server_.KeyPem()).ok());
  EXPECT_FALSE(ServerCredential::FromPem(*library_, server_.Pem(), "x").ok());
}

SharedTicketKeys RingOf(const std::string& letters) {
  SharedTicketKeys keys;
  keys.life = absl::Hours(3);
  for (const char letter : letters) {
    keys.keys.push_back(
        {std::string(16, letter), base::Secret(std::string(64, letter)), absl::ZeroDuration()});
  }
  return keys;
}

// Who has a key can forge a session: it must not live on under the next key.
TEST_F(ServerTlsTest, ASessionOfAWithdrawnKeyGetsNoTicket) {
  keys_.SetShared(RingOf("a"));
  ClientOptions options;
  options.chain = {&leaf_};
  const Both first = Run(options);
  ASSERT_NE(first.client.session, nullptr);
  options.session = first.client.session.get();
  before_offer_ = [this] { keys_.SetShared(RingOf("ba")); };
  const Both rotated = Run(options);
  EXPECT_TRUE(rotated.client.resumed);
  EXPECT_EQ(rotated.client.tickets, 1);
  options.session = rotated.client.session.get();
  before_offer_ = [this] { keys_.SetShared(RingOf("c")); };
  const Both withdrawn = Run(options);
  EXPECT_TRUE(withdrawn.client.resumed);
  EXPECT_EQ(withdrawn.client.tickets, 0);
  EXPECT_EQ(withdrawn.client.read, "hi");
}

}  // namespace
}  // namespace sallyport::dataplane
