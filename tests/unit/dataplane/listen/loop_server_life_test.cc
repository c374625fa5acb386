// How connections, listeners and requests that are under way end, and who takes over from them.
#include <sys/stat.h>

#include <atomic>
#include <future>
#include <thread>

#include "dataplane/listen/listening_socket.h"
#include "shared/base/text.h"
#include "tests/unit/dataplane/listen/loop_server_world.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

TEST_F(LoopServerTest, ADrainAnswersTheRequestThatIsUnderWay) {
  HttpsClient used(port_, "mtls.test", &alice_);
  ASSERT_EQ(StatusOf(used.Get("/", "mtls.test")), 200);
  HttpsClient fresh(port_, "mtls.test", &alice_);
  const int waiting = ConnectTo(plain_port_);
  loop_->Drain(absl::Minutes(5), absl::Minutes(5), /*last_holder=*/true);
  Put({MtlsRoute(), OpenRoute()});  // the drain has begun
  for (HttpsClient* client : {&used, &fresh}) {
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
  const ProcessServices services = ServicesWith(config, inherited->get());
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

TEST_F(LoopServerTest, SeveredIdleConnectionsEnd) {
  HttpsClient client(port_, "mtls.test", &alice_);
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
  void StartAndResync(HttpsClient& client) {
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
  HttpsClient client(port_, "mtls.test", &alice_);
  StartAndResync(client);
  const absl::Duration resynced = base::SystemClock().Monotonic();
  EXPECT_EQ(client.Answer(), "");
  EXPECT_LT(base::SystemClock().Monotonic() - resynced, absl::Seconds(50))
      << "cut, not tired of waiting";
  EXPECT_EQ(client_.authorize_calls(), 2u);
}

TEST_F(InFlightTest, OfAnyOtherItGoesOn) {
  HttpsClient client(port_, "mtls.test", &alice_);
  StartAndResync(client);
  Until([this] { return client_.authorize_calls() == 2; });
  upstream_.Release();
  EXPECT_EQ(StatusOf(client.Answer()), 200);
  EXPECT_EQ(StatusOf(client.Get("/", "mtls.test")), 200) << "and so does its connection";
}

TEST_F(LoopServerTest, StopsWhileARequestWaitsForAuthsvc) {
  HttpsClient client(port_, "mtls.test", &alice_);
  ASSERT_TRUE(client.shaken);
  client_.Hold();
  client.Send("GET / HTTP/1.1\r\nHost: mtls.test\r\n\r\n");
  while (client_.authorize_calls() == 0) std::this_thread::yield();
  loop_.reset();  // everything that the request touches goes before its coroutine would
  EXPECT_EQ(client.Answer(), "");
  loop_ = std::make_unique<LoopServer>(0, *process_);
}

TEST_F(LoopServerTest, DrainEndsIdleConnectionsAndListeners) {
  HttpsClient client(port_, "mtls.test", &alice_);
  ASSERT_EQ(StatusOf(client.Get("/", "mtls.test")), 200);
  loop_->Drain(absl::Seconds(5), absl::ZeroDuration(), /*last_holder=*/true);
  EXPECT_EQ(client.Answer(), "");
}

}  // namespace
}  // namespace sallyport::dataplane
