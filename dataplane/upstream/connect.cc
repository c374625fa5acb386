#include "dataplane/upstream/connect.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cerrno>
#include <memory>

#include "dataplane/loop/keep_alive.h"
#include "dataplane/upstream/event.h"

namespace sallyport::dataplane {
namespace {

using boost::asio::awaitable;
using boost::asio::ip::address;
using boost::asio::ip::tcp;

constexpr size_t kMaxAttempts = 8;
constexpr absl::Duration kHeadStart = absl::Milliseconds(250);

int OpenSocket(const tcp::endpoint& endpoint) {
  const int fd =
      socket(endpoint.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  SetKeepAlive(fd);
  return fd;
}

int PendingError(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

struct Race {
  explicit Race(Loop& on) : loop(on), news(on) {}
  Loop& loop;
  Event news;  // somebody connected or failed
  ConnectResult result;
  size_t running = 0;
  bool over = false;  // nobody takes another connection
  std::vector<Readiness*> waiting;
  [[nodiscard]] bool won() const { return result.fd >= 0; }
};

awaitable<ConnectResult> ConnectOne(Loop& loop, address to, uint16_t port, Deadline deadline,
                                    std::vector<Readiness*>* waiting) {
  ConnectResult result;
  result.address = to;
  const tcp::endpoint endpoint(to, port);
  const int fd = OpenSocket(endpoint);
  if (fd < 0) {
    result.error = errno;
    co_return result;
  }
  if (connect(fd, endpoint.data(), static_cast<socklen_t>(endpoint.size())) == 0) {
    result.fd = fd;
    co_return result;
  }
  result.error = errno;
  Readiness readiness(loop, fd, /*connecting=*/true);
  if (result.error != EINPROGRESS) co_return result;
  if (waiting != nullptr) waiting->push_back(&readiness);
  const WaitResult waited = co_await readiness.Wait(Direction::kWrite, deadline);
  if (waiting != nullptr) waiting->erase(std::find(waiting->begin(), waiting->end(), &readiness));
  result.timed_out = waited == WaitResult::kTimeout;
  result.error = waited == WaitResult::kReady ? PendingError(fd) : ETIMEDOUT;
  if (result.error == 0) result.fd = readiness.Release();
  co_return result;
}

awaitable<void> Attempt(std::shared_ptr<Race> race, address to, uint16_t port, Deadline deadline) {
  const ConnectResult result = co_await ConnectOne(race->loop, to, port, deadline, &race->waiting);
  --race->running;
  if (race->over || race->won()) {
    if (result.fd >= 0) close(result.fd);
    co_return;
  }
  race->result = result;
  race->news.Set();
}

// Families in turn, so that a dead one costs a head start only.
std::vector<address> InTurn(const std::vector<address>& addresses) {
  std::vector<address> first;
  std::vector<address> second;
  for (const address& one : addresses) {
    (one.is_v6() == addresses.front().is_v6() ? first : second).push_back(one);
  }
  std::vector<address> all;
  for (size_t i = 0; i < std::max(first.size(), second.size()) && all.size() < kMaxAttempts; ++i) {
    if (i < first.size()) all.push_back(first[i]);
    if (i < second.size()) all.push_back(second[i]);
  }
  all.resize(std::min(all.size(), kMaxAttempts));
  return all;
}

awaitable<ConnectResult> RunRace(Loop& loop, std::vector<address> addresses, uint16_t port,
                                 Deadline deadline) {
  const auto race = std::make_shared<Race>(loop);
  for (size_t next = 0; !race->won(); race->news.Reset()) {
    if (next < addresses.size()) {
      ++race->running;
      boost::asio::co_spawn(loop.context(), Attempt(race, addresses[next++], port, deadline),
                            boost::asio::detached);
    } else if (race->running == 0) {
      break;
    }
    const bool more = next < addresses.size();
    const Deadline until = more ? deadline.Earlier(loop.After(kHeadStart)) : Deadline::Never();
    (void)co_await race->news.Wait(until);
    if (loop.Passed(deadline) && !race->won()) {
      race->result.timed_out = true;
      break;
    }
  }
  race->over = true;
  for (Readiness* readiness : race->waiting) readiness->Cancel();
  co_return race->result;
}

}  // namespace

awaitable<ConnectResult> Connect(Loop& loop, const std::vector<address>& addresses, uint16_t port,
                                 Deadline deadline) {
  if (addresses.size() == 1) {
    co_return co_await ConnectOne(loop, addresses.front(), port, deadline, nullptr);
  }
  std::vector<address> ordered = InTurn(addresses);
  co_return co_await RunRace(loop, std::move(ordered), port, deadline);
}

}  // namespace sallyport::dataplane
