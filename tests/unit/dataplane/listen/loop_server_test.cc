// A whole loop with a fake authsvc: real sockets, real TLS clients, a real upstream.
#include "dataplane/listen/loop_server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/listen/listening_socket.h"
#include "shared/base/mutex.h"
#include "shared/base/text.h"
#include "shared/cache/generations.h"
#include "shared/crypto/openssl.h"
#include "tests/fakes/fake_authsvc_client.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;

int ConnectTo(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
  const timeval patience = {60, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return fd;
}

// Answers every request with 200 and the head that it got as body, one for /hold not before
// Release; one thread per connection.
class EchoUpstream {
 public:
  EchoUpstream() {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where = {};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof(where)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof(where);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&where), &size);
    port_ = ntohs(where.sin_port);
    acceptor_ = std::thread([this] { Accept(); });
  }
  ~EchoUpstream() {
    if (!released_) Release();
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    close(listener_);
    {
      const base::MutexLock lock(&mutex_);
      for (const int fd : open_) shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
  }
  [[nodiscard]] uint16_t port() const { return port_; }
  [[nodiscard]] int requests() const { return requests_; }
  void Release() {
    released_ = true;
    gate_.set_value();
  }

 private:
  void Accept() {
    for (;;) {
      const int fd = accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      {
        const base::MutexLock lock(&mutex_);
        open_.push_back(fd);
      }
      threads_.emplace_back([this, fd] { Serve(fd); });
    }
  }
  void Serve(int fd) {
    std::string bytes;
    char buffer[4096];
    for (;;) {
      const size_t end = bytes.find("\r\n\r\n");
      if (end == std::string::npos) {
        const ssize_t count = recv(fd, buffer, sizeof(buffer), 0);
        if (count <= 0) break;
        bytes.append(buffer, static_cast<size_t>(count));
        continue;
      }
      const std::string head = bytes.substr(0, end + 4);
      bytes.erase(0, end + 4);
      ++requests_;
      if (absl::StrContains(head, "/hold ")) opened_.wait();
      const std::string answer =
          absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", head.size(), "\r\n\r\n", head);
      if (send(fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) break;
    }
    close(fd);
  }

  int listener_;
  uint16_t port_ = 0;
  std::atomic<int> requests_{0};
  bool released_ = false;
  std::promise<void> gate_;
  std::shared_future<void> opened_{gate_.get_future()};
  std::thread acceptor_;
  base::Mutex mutex_;
  std::vector<int> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

// One HTTPS client connection, blocking.
class Client {
 public:
  Client(uint16_t port, const std::string& sni, const TestCert* certificate) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    if (certificate != nullptr) {
      const auto* bytes = reinterpret_cast<const unsigned char*>(certificate->der.data());
      const crypto::UniqueX509 x509(
          d2i_X509(nullptr, &bytes, static_cast<long>(certificate->der.size())));
      SSL_CTX_use_certificate(context_.get(), x509.get());
      SSL_CTX_use_PrivateKey(context_.get(), certificate->key.get());
    }
    fd_ = ConnectTo(port);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), fd_);
    if (!sni.empty()) SSL_set_tlsext_host_name(ssl_.get(), sni.c_str());
    shaken = SSL_connect(ssl_.get()) == 1;
  }
  ~Client() { close(fd_); }

  void Send(const std::string& text) {
    EXPECT_EQ(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())),
              static_cast<int>(text.size()));
  }
  // One answer with Content-Length; "" when the connection ended.
  std::string Answer() {
    for (;;) {
      const size_t end = bytes_.find("\r\n\r\n");
      if (end != std::string::npos) {
        const size_t at = bytes_.find("Content-Length: ");
        size_t length = 0;
        if (at < end) {
          const size_t digits = at + 16;
          EXPECT_TRUE(
              absl::SimpleAtoi(bytes_.substr(digits, bytes_.find('\r', digits) - digits), &length));
        }
        if (bytes_.size() >= end + 4 + length) {
          const std::string answer = bytes_.substr(0, end + 4 + length);
          bytes_.erase(0, end + 4 + length);
          return answer;
        }
      }
      char buffer[4096];
      const int count = SSL_read(ssl_.get(), buffer, sizeof(buffer));
      if (count <= 0) return "";
      bytes_.append(buffer, static_cast<size_t>(count));
    }
  }
  std::string Get(const std::string& path, const std::string& host, const std::string& more = "") {
    Send(absl::StrCat("GET ", path, " HTTP/1.1\r\nHost: ", host, "\r\n", more, "\r\n"));
    return Answer();
  }
  bool shaken = false;

 private:
  crypto::UniqueSslCtx context_;
  crypto::UniqueSsl ssl_;
  int fd_;
  std::string bytes_;
};

int StatusOf(const std::string& answer) {
  int status = 0;
  return answer.size() > 12 && absl::SimpleAtoi(answer.substr(9, 3), &status) ? status : 0;
}

bool Has(const std::string& text, const std::string& part) { return absl::StrContains(text, part); }

class LoopServerTest : public ::testing::Test {
 protected:
  LoopServerTest()
      : server_(CertBuilder("CN=srv").Dns("mtls.test").ServerAuth().SelfSign()),
        alice_(CertBuilder("CN=alice").Uri("spiffe://corp/alice").SelfSign()),
        keys_(base::SystemClock()),
        limits_(1000, 0),
        limiter_({}, &base::SystemClock()),
        trust_({}) {}

  void SetUp() override {
    signal(SIGPIPE, SIG_IGN);  // as main does
    config_.port = 0;
    config_.address = "127.0.0.1";
    config_.listeners.push_back({});
    config_.listeners[0].address = "127.0.0.1";
    config_.listeners[0].port = 0;
    config_.listeners.push_back(config_.listeners[0]);
    config_.listeners[0].id = "tls";
    config_.listeners[1].id = "plain";
    config_.listeners[1].plain = true;
    client_.on_server = [this](const ServerQuestion& question) { return Server(question); };
    client_.on_authorize = [](const AuthorizeQuestion& question) { return Decide(question); };
    authorize_ = std::make_unique<AuthorizeHub>(AuthorizeOptions(), &base::SystemClock(), &client_,
                                                &stream_, &generations_);
    credentials_ = std::make_unique<CredentialHub>(CredentialOptions(), &base::SystemClock(),
                                                   &client_, &stream_, &generations_);
    validation_ = std::make_unique<ValidationHub>(ValidationOptions(), &base::SystemClock(),
                                                  &client_, &stream_, &generations_);
    log_ = *AccessLog::Open("", 1);
    telemetry_ = std::make_unique<TelemetryReporter>(TelemetryReporter::Options(), &sink_,
                                                     &base::SystemClock(), 1, false);
    process_ = std::make_unique<ProcessServices>(ProcessServices{config_,
                                                                 settings_,
                                                                 base::SystemClock(),
                                                                 *authorize_,
                                                                 *credentials_,
                                                                 *validation_,
                                                                 limiter_,
                                                                 resolver_,
                                                                 targets_,
                                                                 trust_,
                                                                 book_,
                                                                 *log_,
                                                                 *telemetry_,
                                                                 1,
                                                                 stream_,
                                                                 keys_,
                                                                 chains_,
                                                                 limits_,
                                                                 tunnels_,
                                                                 watch_});
    loop_ = std::make_unique<LoopServer>(0, *process_);
    ASSERT_TRUE(loop_->Open().ok());
    port_ = loop_->BoundPorts()[0];
    plain_port_ = loop_->BoundPorts()[1];
    stream_.OnApplied(1, true);
    // One for all the test, however long it takes.
    stream_.OnHeartbeat(base::SystemClock().Monotonic() + absl::Hours(1), absl::ZeroDuration(),
                        true);
    loop_->Start();
    Put({MtlsRoute(), OpenRoute()});
  }
  void TearDown() override {
    loop_->StopAndJoin();
    loop_.reset();
  }

  RoutePtr MtlsRoute() const {
    auto route = std::make_shared<Route>();
    route->api_id = "mtls";
    route->hosts = {"mtls.test"};
    route->static_mtls = Requirement::kMandatory;
    route->targets = {*ParseTarget(absl::StrCat("http://127.0.0.1:", upstream_.port(), "/base"))};
    return route;
  }
  RoutePtr OpenRoute() const {
    auto route = std::make_shared<Route>(*MtlsRoute());
    route->api_id = "open";
    route->hosts = {"open.test"};
    route->static_mtls = Requirement::kOff;
    route->keyless = true;
    route->allow_plain_http = true;
    return route;
  }
  void Put(const std::vector<RoutePtr>& routes) {
    GatewayView view;
    view.routes = RouteTable::Empty({0})->With(routes, {});
    auto applied = std::make_shared<std::promise<void>>();
    loop_->Post([this, shared = std::make_shared<const GatewayView>(std::move(view)), applied] {
      loop_->Apply(shared);
      applied->set_value();
    });
    applied->get_future().wait();
  }

  std::optional<AllowedRecord> Kept(const std::string& request_id) {
    std::promise<std::optional<AllowedRecord>> found;
    loop_->Post([&] { found.set_value(loop_->FindAllowed(request_id)); });
    return found.get_future().get();
  }

  absl::StatusOr<ServerCredentialsPtr> Server(const ServerQuestion& question) const {
    auto answer = std::make_shared<ServerCredentials>();
    answer->revision = 1;
    answer->ttl = absl::Minutes(1);
    if (question.sni == "mtls.test" || question.sni == "open.test") {
      ServerPair pair;
      pair.chain_der = {server_.der};
      pair.key_der = base::Secret(server_.KeyDer());
      answer->pairs.push_back(std::move(pair));
    }
    return answer;
  }
  static absl::StatusOr<Decision> Decide(const AuthorizeQuestion& question) {
    Decision decision;
    decision.revision = 1;
    decision.ttl = absl::Minutes(1);
    decision.tags = {"api:" + question.api_id};
    decision.reason = Reason::kAllowed;
    decision.grants.all_versions = true;
    if (question.api_id != "mtls") return decision;
    if (question.proof != Proof::kTls) {
      decision.reason = Reason::kCertRequired;
      return decision;
    }
    decision.identity.name = "alice";
    decision.identity.key_id = "key-1";
    decision.identity.certificate_verified = true;
    CertificateFacts facts;
    facts.fingerprint = "ab";
    facts.subject = "CN=alice";
    facts.uri_sans = {"spiffe://corp/alice"};
    decision.identity.certificate = facts;
    return decision;
  }

  class NoSink final : public TelemetrySink {
   public:
    bool Report(const TelemetryBatch& /*batch*/) override { return true; }
  };

  EchoUpstream upstream_;
  const TestCert server_;
  const TestCert alice_;
  config::DataplaneConfig config_;
  ExchangeSettings settings_;
  FakeAuthsvcClient client_;
  StreamState stream_;
  cache::TagGenerations generations_;
  metrics::Book book_;
  TicketKeys keys_;
  ChainStore chains_;
  ConnectionLimits limits_;
  TunnelPlaces tunnels_{1};
  CertificateWatch watch_;
  Limiter limiter_;
  Resolver resolver_;
  TargetRegistry targets_;
  SystemTrust trust_;
  NoSink sink_;
  std::unique_ptr<AuthorizeHub> authorize_;
  std::unique_ptr<CredentialHub> credentials_;
  std::unique_ptr<ValidationHub> validation_;
  std::unique_ptr<AccessLog> log_;
  std::unique_ptr<TelemetryReporter> telemetry_;
  std::unique_ptr<ProcessServices> process_;
  std::unique_ptr<LoopServer> loop_;
  uint16_t port_ = 0;
  uint16_t plain_port_ = 0;
};

TEST_F(LoopServerTest, AllowsForwardsAndSaysWhoCalled) {
  Client client(port_, "mtls.test", &alice_);
  ASSERT_TRUE(client.shaken);
  const std::string answer =
      client.Get("/a//b/../c?x=1", "mtls.test",
                 "X-Forwarded-Client-Cert: Hash=evil\r\nX-Forwarded-For: 1.2.3.4\r\n");
  EXPECT_EQ(StatusOf(answer), 200) << answer;
  EXPECT_TRUE(Has(answer, "X-Request-Id: "));
  EXPECT_TRUE(Has(answer, "GET /base/a/c?x=1 HTTP/1.1\r\n")) << answer;
  EXPECT_TRUE(Has(answer, "Hash=ab;Subject=\"CN=alice\";URI=spiffe://corp/alice")) << answer;
  EXPECT_FALSE(Has(answer, "evil"));
  EXPECT_FALSE(Has(answer, "1.2.3.4"));
  EXPECT_TRUE(Has(answer, "X-Forwarded-For: 127.0.0.1\r\n")) << answer;
  EXPECT_TRUE(Has(answer, "X-Forwarded-Proto: https\r\n"));
}

TEST_F(LoopServerTest, ADrainAnswersTheRequestThatIsUnderWay) {
  Client used(port_, "mtls.test", &alice_);
  ASSERT_EQ(StatusOf(used.Get("/", "mtls.test")), 200);
  Client fresh(port_, "mtls.test", &alice_);
  const int waiting = ConnectTo(plain_port_);
  loop_->Drain(absl::Minutes(5), absl::Minutes(5), /*last_holder=*/true);
  Put({MtlsRoute(), OpenRoute()});  // the drain has begun
  for (Client* client : {&used, &fresh}) {
    const std::string answer = client->Get("/", "mtls.test");
    EXPECT_EQ(StatusOf(answer), 200);
    EXPECT_TRUE(Has(answer, "Connection: close\r\n")) << answer;
    EXPECT_EQ(client->Answer(), "") << "and no more";
  }
  const std::string head = "GET / HTTP/1.1\r\nHost: open.test\r\n\r\n";
  EXPECT_EQ(send(waiting, head.data(), head.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(head.size()));
  char answer[12] = {};
  EXPECT_EQ(recv(waiting, answer, sizeof(answer), MSG_WAITALL), 12);
  EXPECT_EQ(std::string(answer, 12), "HTTP/1.1 200") << "it had connected before";
  close(waiting);
}

ino_t SocketOf(LoopServer& loop, uint16_t port) {
  std::promise<ino_t> found;
  loop.CopySockets([&](const std::vector<int>& copies) {
    ino_t inode = 0;
    for (const int fd : copies) {
      struct stat facts = {};
      EXPECT_EQ(fstat(fd, &facts), 0);
      EXPECT_TRUE(IsListening(fd));
      if (BoundPort(fd) == port) inode = facts.st_ino;
      close(fd);
    }
    found.set_value(inode);
  });
  return found.get_future().get();
}

TEST_F(LoopServerTest, AChangedListenerKeepsItsSocket) {
  const int free = *BindListener("127.0.0.1", 0);
  ListenerSpec listener;
  listener.id = "extra";
  listener.address = "127.0.0.1";
  listener.port = BoundPort(free);
  listener.plain = true;
  close(free);
  const auto apply = [this](const std::vector<ListenerSpec>& listeners) {
    GatewayView view;
    view.routes = RouteTable::Empty({0})->With({OpenRoute()}, {});
    view.listeners = listeners;
    std::promise<void> applied;
    loop_->Post([&, shared = std::make_shared<const GatewayView>(std::move(view))] {
      loop_->Apply(shared);
      applied.set_value();
    });
    applied.get_future().wait();
  };
  apply({listener});
  const ino_t before = SocketOf(*loop_, listener.port);
  ASSERT_NE(before, 0u);
  listener.redirect = true;
  apply({listener});
  EXPECT_EQ(SocketOf(*loop_, listener.port), before) << "what waits in its queue is not reset";
  apply({});
  EXPECT_EQ(SocketOf(*loop_, listener.port), 0u) << "and one that is not planned is closed";
}

TEST_F(LoopServerTest, TakesInheritedSocketsAndAcceptsWhenTold) {
  std::vector<int> sockets;
  for (int i = 0; i < 2; ++i)
    sockets.push_back(*OpenListener("127.0.0.1", i == 0 ? 0 : BoundPort(sockets[0])));
  int ready[2] = {-1, -1};
  ASSERT_EQ(pipe(ready), 0);
  const int first = 300;
  ASSERT_EQ(dup2(sockets[0], first), first);
  ASSERT_EQ(dup2(sockets[1], first + 1), first + 1);
  const uint16_t port = BoundPort(first);
  const auto inode_of = [](int fd) {
    struct stat facts = {};
    EXPECT_EQ(fstat(fd, &facts), 0);
    return facts.st_ino;
  };
  const ino_t known[] = {inode_of(first), inode_of(first + 1)};
  std::vector<std::string> environment = {
      absl::StrCat(kInheritanceVariable, "=", InheritanceText(ready[1], first, 2))};
  const auto inherited = InheritedSockets::FromEnvironment(&environment);
  ASSERT_TRUE(inherited.ok()) << inherited.status();
  for (const int fd : sockets) close(fd);

  config::DataplaneConfig config = config_;
  config.listeners.resize(1);
  config.listeners[0] = config_.listeners[1];  // plain
  config.listeners[0].port = port;
  ProcessServices services{config,
                           settings_,
                           base::SystemClock(),
                           *authorize_,
                           *credentials_,
                           *validation_,
                           limiter_,
                           resolver_,
                           targets_,
                           trust_,
                           book_,
                           *log_,
                           *telemetry_,
                           1,
                           stream_,
                           keys_,
                           chains_,
                           limits_,
                           tunnels_,
                           watch_,
                           inherited->get()};
  LoopServer successor(0, services);
  ASSERT_TRUE(successor.Open().ok());
  successor.Start();
  std::vector<int> clients;
  clients.reserve(16);
  for (int i = 0; i < 16; ++i) clients.push_back(ConnectTo(port));  // in both queues
  std::promise<size_t> open;
  successor.CountConnections([&](size_t count) { open.set_value(count); });
  EXPECT_EQ(open.get_future().get(), 0u) << "its predecessor serves still";
  EXPECT_TRUE(SocketOf(successor, port) == known[0] || SocketOf(successor, port) == known[1]);

  std::promise<absl::Status> begun;
  successor.BeginAccepting([&](absl::Status status) { begun.set_value(std::move(status)); });
  EXPECT_TRUE(begun.get_future().get().ok());
  for (const int client : clients) {
    const std::string head = "GET / HTTP/1.1\r\nHost: none.test\r\n\r\n";
    EXPECT_GT(send(client, head.data(), head.size(), MSG_NOSIGNAL), 0);
    char answer[12] = {};
    EXPECT_EQ(recv(client, answer, sizeof(answer), MSG_WAITALL), 12) << "no queue is unattended";
    EXPECT_EQ(std::string(answer, 12), "HTTP/1.1 404");
    close(client);
  }
  successor.StopAndJoin();
  close(ready[0]);
}

TEST_F(LoopServerTest, KeepsWhatItLetInAndNothingElse) {
  Client client(port_, "mtls.test", &alice_);
  const auto id_in = [](const std::string& answer) {
    const size_t at = answer.find("X-Request-Id: ");
    return at == std::string::npos ? std::string() : answer.substr(at + 14, 32);
  };
  const std::string allowed =
      id_in(client.Get("/a?access_token=secret", "mtls.test", "X-Secret: secret\r\n"));
  const auto found = Kept(allowed);
  ASSERT_TRUE(found.has_value()) << allowed;
  EXPECT_EQ(found->question.api_id, "mtls");
  EXPECT_EQ(found->question.proof, Proof::kTls);
  EXPECT_EQ(found->question.chain_der, std::vector<std::string>{alice_.der});
  EXPECT_EQ(found->identity.name, "alice");
  EXPECT_EQ(found->identity.key_id, "key-1");
  EXPECT_EQ(found->path, "/a");
  EXPECT_EQ(found->client_address, "127.0.0.1");
  EXPECT_EQ(found->upstream, absl::StrCat("127.0.0.1:", upstream_.port()));
  EXPECT_EQ(found->target, absl::StrCat("http://127.0.0.1:", upstream_.port()));
  EXPECT_EQ(found->status, 200);
  EXPECT_EQ(found->reason, Reason::kAllowed);

  Client stranger(port_, "mtls.test", nullptr);
  const std::string refused = id_in(stranger.Get("/", "mtls.test"));
  ASSERT_EQ(refused.size(), 32u);
  EXPECT_FALSE(Kept(refused).has_value()) << "a refusal is reported, not kept";
}

TEST_F(LoopServerTest, KeepAliveAsksOnce) {
  Client client(port_, "mtls.test", &alice_);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 200);
  EXPECT_EQ(client_.authorize_calls(), 1u);
  EXPECT_EQ(upstream_.requests(), 5);
}

TEST_F(LoopServerTest, PipelinedRequestsAreAnsweredInOrder) {
  Client client(port_, "mtls.test", &alice_);
  std::string all;
  for (int i = 0; i < 5; ++i)
    absl::StrAppend(&all, "GET /", i, " HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
  client.Send(all);
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(Has(client.Answer(), absl::StrCat("GET /base/", i, " "))) << i;
  }
}

TEST_F(LoopServerTest, NoCertificateNeverReachesTheUpstream) {
  Client client(port_, "mtls.test", nullptr);
  ASSERT_TRUE(client.shaken);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 401);
  EXPECT_TRUE(Has(answer, "CERT_REQUIRED"));
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 401) << "the connection goes on";
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(LoopServerTest, AnotherHostsClientTlsSettingsAre421) {
  Client client(port_, "open.test", &alice_);
  ASSERT_TRUE(client.shaken);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 421);
  EXPECT_EQ(client.Answer(), "") << "and the connection is closed";
  EXPECT_EQ(upstream_.requests(), 0);
  EXPECT_EQ(client_.authorize_calls(), 0u);
}

TEST_F(LoopServerTest, UnknownHostIs404UnknownNameNoHandshake) {
  Client client(port_, "open.test", nullptr);
  ASSERT_TRUE(client.shaken);
  EXPECT_EQ(StatusOf(client.Get("/", "nobody.test")), 404);
  Client stranger(port_, "nobody.test", nullptr);
  EXPECT_FALSE(stranger.shaken);
}

TEST_F(LoopServerTest, SmuggledRequestsEndTheConnection) {
  const std::string heads[] = {
      "POST / HTTP/1.1\r\nHost: mtls.test\r\nContent-Length: 5\r\nTransfer-Encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: mtls.test\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "GET /a\\b HTTP/1.1\r\nHost: mtls.test\r\n\r\n", "GET / HTTP/1.1\nHost: mtls.test\n\n",
      "GET / HTTP/1.1\r\nHost: mtls.test\r\nHost: open.test\r\n\r\n"};
  for (const std::string& head : heads) {
    Client client(port_, "mtls.test", &alice_);
    client.Send(head + "GET /smuggled HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
    EXPECT_EQ(StatusOf(client.Answer()), 400) << head;
  }
  EXPECT_EQ(upstream_.requests() <= 1, true);
}

TEST_F(LoopServerTest, MalformedChunksAreNotForwardedAsWhole) {
  Client client(port_, "mtls.test", &alice_);
  client.Send("POST / HTTP/1.1\r\nHost: mtls.test\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
  EXPECT_EQ(StatusOf(client.Answer()), 400);
  EXPECT_EQ(client.Answer(), "");
}

TEST_F(LoopServerTest, PlainListenerNeverForwardsMtlsApis) {
  for (const auto& [host, status] :
       {std::pair<std::string, int>{"mtls.test", 403}, {"open.test", 200}}) {
    const int fd = ConnectTo(plain_port_);
    const std::string request =
        absl::StrCat("GET / HTTP/1.1\r\nHost: ", host, "\r\nConnection: close\r\n\r\n");
    EXPECT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[2048];
    for (ssize_t count = 0; (count = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(count));
    }
    EXPECT_EQ(StatusOf(answer), status) << answer;
    close(fd);
  }
}

TEST_F(LoopServerTest, SeveredIdleConnectionsEnd) {
  Client client(port_, "mtls.test", &alice_);
  ASSERT_EQ(StatusOf(client.Get("/", "mtls.test")), 200);
  SeverList list;
  list.leaf_sha256 = {base::Hex(alice_.cert->fingerprint)};
  loop_->Post([this, list] { loop_->Sever(list); });
  EXPECT_EQ(client.Answer(), "");
}

// A snapshot came in place of changes while a request is in flight.
class InFlightTest : public LoopServerTest {
 protected:
  InFlightTest() { settings_.sever_grace = absl::Milliseconds(100); }
  void SetUp() override {
    LoopServerTest::SetUp();
    client_.on_authorize = [this](const AuthorizeQuestion& question) -> absl::StatusOr<Decision> {
      auto decision = Decide(question);
      if (revoked_) decision->reason = Reason::kCertUnknown;
      return decision;
    };
  }
  void StartAndResync(Client& client) {
    client.Send("GET /hold HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
    Until([this] { return upstream_.requests() > 0; });
    revoked_ = revoke_;
    generations_.DropAll(1);
    loop_->Post([this] { loop_->StartOver(); });
  }
  template <typename Condition>
  static void Until(Condition holds) {
    const absl::Duration end = base::SystemClock().Monotonic() + absl::Seconds(60);
    while (!holds() && base::SystemClock().Monotonic() < end) std::this_thread::yield();
    EXPECT_TRUE(holds());
  }
  bool revoke_ = false;
  std::atomic<bool> revoked_{false};
};

TEST_F(InFlightTest, OfARevokedClientItEnds) {
  revoke_ = true;
  Client client(port_, "mtls.test", &alice_);
  StartAndResync(client);
  const absl::Duration resynced = base::SystemClock().Monotonic();
  EXPECT_EQ(client.Answer(), "");
  EXPECT_LT(base::SystemClock().Monotonic() - resynced, absl::Seconds(50))
      << "cut, not tired of waiting";
  EXPECT_EQ(client_.authorize_calls(), 2u);
}

TEST_F(InFlightTest, OfAnyOtherItGoesOn) {
  Client client(port_, "mtls.test", &alice_);
  StartAndResync(client);
  Until([this] { return client_.authorize_calls() == 2; });
  upstream_.Release();
  EXPECT_EQ(StatusOf(client.Answer()), 200);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 200) << "and so does its connection";
}

TEST_F(LoopServerTest, AuthsvcAwayIs503WithoutForwarding) {
  client_.on_authorize = [](const AuthorizeQuestion&) { return absl::UnavailableError("away"); };
  Client client(port_, "mtls.test", &alice_);
  const std::string answer = client.Get("/", "mtls.test");
  EXPECT_EQ(StatusOf(answer), 503);
  EXPECT_TRUE(Has(answer, "Retry-After: "));
  EXPECT_EQ(upstream_.requests(), 0);
}

TEST_F(LoopServerTest, DeadUpstreamIs502) {
  auto route = std::make_shared<Route>(*MtlsRoute());
  route->targets = {*ParseTarget("http://127.0.0.1:1")};
  Put({route});
  Client client(port_, "mtls.test", &alice_);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 502);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 502) << "the connection goes on";
}

TEST_F(LoopServerTest, StopsWhileARequestWaitsForAuthsvc) {
  Client client(port_, "mtls.test", &alice_);
  ASSERT_TRUE(client.shaken);
  client_.Hold();
  client.Send("GET / HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
  while (client_.authorize_calls() == 0) std::this_thread::yield();
  loop_.reset();  // everything that the request touches goes before its coroutine would
  EXPECT_EQ(client.Answer(), "");
  loop_ = std::make_unique<LoopServer>(0, *process_);
}

TEST_F(LoopServerTest, DrainEndsIdleConnectionsAndListeners) {
  Client client(port_, "mtls.test", &alice_);
  ASSERT_EQ(StatusOf(client.Get("/", "mtls.test")), 200);
  loop_->Drain(absl::Seconds(5), absl::ZeroDuration(), /*last_holder=*/true);
  EXPECT_EQ(client.Answer(), "");
}

}  // namespace
}  // namespace sallyport::dataplane
