// A server's side of TLS on a loop of its own, and a client of plain OpenSSL that blocks.
#pragma once

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
#include "dataplane/tls/server_tls.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {

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
  ClientTlsAnswer ClientTls(absl::string_view sni, const ListenerFacts& /*listener*/) override {
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

  absl::string_view FallbackName(const ListenerFacts& /*listener*/) override { return fallback; }

  Loop* loop = nullptr;
  std::string fallback;
  std::map<std::string, ClientTlsAnswer> client_tls;
  std::map<std::string, std::shared_ptr<const ServerCredential>> credentials;
  int pending = 0;    // answers that come later
  bool hold = false;  // and never say ready
  bool overloaded = false;
};

// `owner`'s certificate with a key that only claims to be its own: the public half is, so that
// OpenSSL takes it, and the private one is not.
inline TestCert Stolen(const TestCert& owner) {
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

struct ServerView {
  bool shaken = false;
  std::string label;
  HandshakeReport report;
  bool ephemeral_key_left = false;
  absl::StatusOr<TlsPeer> peer = absl::UnknownError("no handshake");
};

struct ClientOptions {
  std::string sni = "api.example.com";
  std::vector<const TestCert*> chain;  // leaf first; empty: none
  int max_version = TLS1_3_VERSION;
  int min_version = 0;  // OpenSSL's
  SSL_SESSION* session = nullptr;
  std::string alpn;              // wire format
  const char* groups = nullptr;  // null: OpenSSL's
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

  // For the loop that was made just now; null: no SNI can be strict.
  virtual StrictHandshakes* MakeStrict() { return nullptr; }

  void Start(ServerTlsSettings settings) {
    loop_ = std::make_unique<Loop>(0, clock_);
    source_.loop = loop_.get();
    library_ = *TlsLibrary::Create();
    StrictHandshakes* const strict = MakeStrict();
    server_tls_ = *ServerTls::Create(settings, *loop_, *library_, source_, keys_, chains_, strict);
    source_.credentials["api.example.com"] = Credential({&server_});
    source_.credentials["other.example.com"] = Credential({&server_});
    source_.client_tls["api.example.com"] = {true, 7, nullptr};
    source_.client_tls["other.example.com"] = {true, 8, nullptr};
    source_.client_tls["plain.example.com"] = {false, 9, nullptr};
    source_.credentials["plain.example.com"] = Credential({&server_});
    loop_->Start();
  }

  std::shared_ptr<const ServerCredential> Credential(
      const std::vector<const TestCert*>& certs, const ServerCredential::Versions& versions = {}) {
    std::vector<ServerCredential::Pair> pairs;
    std::vector<std::string> keys;
    for (const TestCert* cert : certs) keys.push_back(cert->KeyDer());
    for (size_t i = 0; i < certs.size(); ++i) pairs.push_back({{certs[i]->der}, keys[i]});
    auto made = ServerCredential::Create(*library_, pairs, versions);
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
            const IoResult result = co_await connection->Handshake(deadline, test->address_);
            view.shaken = result.ok();
            if (result.ok()) {
              view.ephemeral_key_left = HasEphemeralKey(connection->stream().ssl());
              view.peer = connection->Peer();
              if (test->before_offer_) test->before_offer_();
              connection->LetIn();
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

  static bool HasEphemeralKey(SSL* ssl) {
    EVP_PKEY* key = nullptr;
    if (SSL_get_tmp_key(ssl, &key) != 1) return false;
    const crypto::UniquePkey owned(key);
    const crypto::ErrorScope errors;
    unsigned char bytes[32];
    size_t size = sizeof(bytes);
    return EVP_PKEY_get_raw_private_key(key, bytes, &size) == 1;  // X25519, as clients prefer
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
    SSL_CTX_set_min_proto_version(context.get(), options.min_version);
    if (options.groups != nullptr) {
      EXPECT_EQ(SSL_CTX_set1_groups_list(context.get(), options.groups), 1);
    }
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
  std::string address_;  // of the clients
  std::function<void()> before_offer_;
};

// What holds with TLS 1.2 as with 1.3.
class BothVersions : public ServerTlsTest, public ::testing::WithParamInterface<int> {
 protected:
  ClientOptions WithLeaf() const {
    ClientOptions options;
    options.chain = {&leaf_};
    options.max_version = GetParam();
    return options;
  }
};

}  // namespace sallyport::dataplane
