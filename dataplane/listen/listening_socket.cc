#include "dataplane/listen/listening_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/loop/keep_alive.h"

namespace sallyport::dataplane {
namespace {

constexpr int kBacklog = 4096;

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

bool AddressOf(int fd, sockaddr_storage* bound) {
  socklen_t size = sizeof(*bound);
  return getsockname(fd, reinterpret_cast<sockaddr*>(bound), &size) == 0;
}

int Option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  return getsockopt(fd, level, name, &value, &size) == 0 ? value : -1;
}

absl::Status BindError(const std::string& place, int error) {
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

}  // namespace

absl::StatusOr<int> BindListener(const std::string& address, uint16_t port) {
  SocketAddress where;
  if (!ParseAddress(address, port, &where)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", address, "\" is not an IPv4 or IPv6 address"));
  }
  const std::string place = absl::StrCat(address, " port ", port);
  const int family = where.storage.ss_family;
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && errno == EAFNOSUPPORT && address == "::") return BindListener("0.0.0.0", port);
  if (fd < 0) return BindError(place, errno);
  SetOptions(fd, family);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&where.storage), where.size) != 0) {
    const int error = errno;
    close(fd);
    if (error == EADDRNOTAVAIL && address == "::") return BindListener("0.0.0.0", port);
    return BindError(place, error);
  }
  return fd;
}

absl::Status Listen(int fd) {
  SetKeepAlive(fd);  // also of one that was inherited
  if (IsListening(fd) || listen(fd, kBacklog) == 0) return absl::OkStatus();
  const int error = errno;
  return BindError(absl::StrCat("port ", BoundPort(fd)), error);
}

absl::StatusOr<int> OpenListener(const std::string& address, uint16_t port) {
  absl::StatusOr<int> fd = BindListener(address, port);
  if (!fd.ok()) return fd;
  SetKeepAlive(*fd);
  if (listen(*fd, kBacklog) == 0) return fd;
  const int error = errno;
  close(*fd);
  return BindError(absl::StrCat(address, " port ", port), error);
}

std::string UsableAddress(const std::string& address) {
  if (address != "::") return address;
  const absl::StatusOr<int> any = BindListener(address, 0);
  if (!any.ok()) return address;
  const bool is_v4 = Option(*any, SOL_SOCKET, SO_DOMAIN) == AF_INET;
  close(*any);
  return is_v4 ? "0.0.0.0" : address;
}

bool IsListening(int fd) {
  const int family = Option(fd, SOL_SOCKET, SO_DOMAIN);
  return (family == AF_INET || family == AF_INET6) &&
         Option(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM &&
         Option(fd, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP &&
         Option(fd, SOL_SOCKET, SO_ACCEPTCONN) == 1;
}

bool IsBoundTo(int fd, const std::string& address, uint16_t port) {
  SocketAddress wanted;
  sockaddr_storage bound = {};
  if (!ParseAddress(address, port, &wanted) || !AddressOf(fd, &bound) ||
      bound.ss_family != wanted.storage.ss_family) {
    return false;
  }
  if (bound.ss_family == AF_INET) {
    const auto& a = reinterpret_cast<const sockaddr_in&>(bound);
    const auto& b = reinterpret_cast<const sockaddr_in&>(wanted.storage);
    return a.sin_port == b.sin_port && a.sin_addr.s_addr == b.sin_addr.s_addr;
  }
  const auto& a = reinterpret_cast<const sockaddr_in6&>(bound);
  const auto& b = reinterpret_cast<const sockaddr_in6&>(wanted.storage);
  return a.sin6_port == b.sin6_port && a.sin6_scope_id == b.sin6_scope_id &&
         std::memcmp(&a.sin6_addr, &b.sin6_addr, sizeof(a.sin6_addr)) == 0 &&
         Option(fd, IPPROTO_IPV6, IPV6_V6ONLY) == 0;
}

std::string PlaceOf(int fd) {
  sockaddr_storage bound = {};  // what is not of the address stays zero
  if (!AddressOf(fd, &bound)) return "";
  return std::string(reinterpret_cast<const char*>(&bound), sizeof(bound));
}

bool SharesItsPort(int fd) { return Option(fd, SOL_SOCKET, SO_REUSEPORT) == 1; }

uint16_t BoundPort(int fd) {
  sockaddr_storage bound = {};
  if (!AddressOf(fd, &bound)) return 0;
  // The port stands at the same place in both families.
  return ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
}

}  // namespace sallyport::dataplane
