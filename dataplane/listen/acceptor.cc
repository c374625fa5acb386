#include "dataplane/listen/acceptor.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <chrono>
#include <utility>

#include "dataplane/listen/listening_socket.h"

namespace sallyport::dataplane {
namespace {

constexpr int kAcceptsAtOnce = 64;
constexpr int kMostWaiting = 4096;  // a queue is no longer
constexpr auto kBackOff = std::chrono::milliseconds(100);

// Without port; an IPv4 client of a "::" listener as IPv4.
std::string PeerText(const sockaddr_storage& peer) {
  char text[INET6_ADDRSTRLEN] = {};
  if (peer.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, text, sizeof(text));
  } else if (peer.ss_family == AF_INET6) {
    const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
      inet_ntop(AF_INET, address.s6_addr + 12, text, sizeof(text));
    } else {
      inet_ntop(AF_INET6, &address, text, sizeof(text));
    }
  }
  return text;
}

bool IsExhausted(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

struct Acceptor::State {
  State(Loop& loop, int fd, OnConnection handler, OnExhausted short_of)
      : readiness(loop, fd), on_connection(std::move(handler)), on_exhausted(std::move(short_of)) {}

  // False: nothing more to accept now. `*exhausted`: the process or machine has no descriptor left.
  bool AcceptOne(bool* exhausted) {
    sockaddr_storage peer = {};
    socklen_t size = sizeof(peer);
    const int fd = accept4(readiness.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      const int error = errno;
      *exhausted = IsExhausted(error);
      if (error == EAGAIN || error == EWOULDBLOCK) readiness.Drained(Direction::kRead);
      return error == EINTR || error == ECONNABORTED;
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    on_connection(fd, PeerText(peer));
    return true;
  }

  Readiness readiness;
  OnConnection on_connection;
  OnExhausted on_exhausted;
};

Acceptor::Acceptor(Loop& loop, int fd, OnConnection on_connection, OnExhausted on_exhausted)
    : loop_(loop),
      fd_(fd),
      on_connection_(std::move(on_connection)),
      on_exhausted_(std::move(on_exhausted)) {}

Acceptor::~Acceptor() {
  const int fd = Release();
  if (fd >= 0) close(fd);
}

absl::Status Acceptor::Begin() {
  const absl::Status listening = Listen(fd_);
  if (!listening.ok()) return listening;
  state_ = std::make_shared<State>(loop_, fd_, on_connection_, on_exhausted_);
  boost::asio::co_spawn(loop_.context(), Accept(state_), boost::asio::detached);
  return absl::OkStatus();
}

void Acceptor::TakeWaiting() {
  bool exhausted = false;
  for (int i = 0; i < kMostWaiting && state_ != nullptr && state_->AcceptOne(&exhausted); ++i) {
  }
}

// Not closed by the Readiness: the loop's epoll would go on watching a socket that others hold.
int Acceptor::Release() {
  if (state_ != nullptr) {
    state_->readiness.Cancel();
    (void)state_->readiness.Release();
  }
  return std::exchange(fd_, -1);
}

boost::asio::awaitable<void> Acceptor::Accept(std::shared_ptr<State> state) {
  constexpr auto kToken = boost::asio::as_tuple(boost::asio::use_awaitable);
  Loop& loop = state->readiness.loop();
  bool exhausted = false;
  for (;;) {
    // After a pause nothing needs to have become ready: what was waiting still is.
    if (!exhausted) {
      const WaitResult waited = co_await state->readiness.Wait(Direction::kRead, Deadline::Never());
      if (waited != WaitResult::kReady) co_return;
    }
    exhausted = false;
    for (int i = 0; i < kAcceptsAtOnce && state->AcceptOne(&exhausted); ++i) {
      if (state->readiness.cancelled()) co_return;
    }
    if (!exhausted) continue;
    state->on_exhausted();
    boost::asio::steady_timer timer(loop.context());
    timer.expires_after(kBackOff);
    (void)co_await timer.async_wait(kToken);
    if (state->readiness.cancelled()) co_return;
  }
}

}  // namespace sallyport::dataplane
