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
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace sallyport::dataplane {
namespace {

constexpr int kBacklog = 4096;
constexpr int kAcceptsAtOnce = 64;
constexpr auto kBackOff = std::chrono::milliseconds(100);

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

bool ParseAddress(const std::string& address, uint16_t port, SocketAddress* out) {
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&out->storage);
  if (inet_pton(AF_INET, address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    out->size = sizeof(sockaddr_in);
    return true;
  }
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&out->storage);
  *v6 = {};
  if (inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  out->size = sizeof(sockaddr_in6);
  return true;
}

absl::Status BindError(const std::string& address, uint16_t port, int error) {
  const std::string place = absl::StrCat(address, " port ", port);
  if (error == EADDRINUSE) {
    return absl::UnavailableError(absl::StrCat(
        place, " is in use by another program: stop it, or choose another port (--port)"));
  }
  if (error == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat(place, " may not be opened: ports below 1024 need CAP_NET_BIND_SERVICE"));
  }
  if (error == EADDRNOTAVAIL) {
    return absl::InvalidArgumentError(absl::StrCat(place, ": this machine has no such address"));
  }
  return absl::InternalError(absl::StrCat("cannot listen on ", place, ": ", std::strerror(error)));
}

void SetOptions(int fd, int family) {
  const int on = 1;
  const int off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
}

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

absl::StatusOr<int> OpenListener(const std::string& address, uint16_t port) {
  SocketAddress where;
  if (!ParseAddress(address, port, &where)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is not an IPv4 or IPv6 address"));
  }
  const int family = where.storage.ss_family;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT && address == "::") return OpenListener("0.0.0.0", port);
  if (fd < 0) return BindError(address, port, errno);
  SetOptions(fd, family);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0 ||
      listen(fd, kBacklog) != 0) {
    const int error = errno;
    close(fd);
    if (error == EADDRNOTAVAIL && address == "::") return OpenListener("0.0.0.0", port);
    return BindError(address, port, error);
  }
  return fd;
}

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
    : state_(std::make_shared<State>(loop, fd, std::move(on_connection), std::move(on_exhausted))) {
  boost::asio::co_spawn(loop.context(), Accept(state_), boost::asio::detached);
}

Acceptor::~Acceptor() {
  state_->readiness.Cancel();
  state_->readiness.Close();
}

uint16_t Acceptor::port() const {
  sockaddr_storage bound = {};
  socklen_t size = sizeof(bound);
  if (getsockname(state_->readiness.fd(), reinterpret_cast<sockaddr*>(&bound), &size) != 0)
    return 0;
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
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
