#include "dataplane/listen/announced_client.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>

#include "dataplane/loop/readiness.h"
#include "shared/header/proxy_header.h"

namespace sallyport::dataplane {
namespace {

using header::ProxyHeader;

// Looks at what has come; takes the header off once it is whole.
ProxyHeader TryHeader(Readiness& connection) {
  std::array<char, header::kMostProxyHeader> bytes;
  ProxyHeader none;
  none.kind = ProxyHeader::Kind::kBad;
  ssize_t count = 0;
  do count = recv(connection.fd(), bytes.data(), bytes.size(), MSG_PEEK);
  while (count < 0 && errno == EINTR);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
    none.problem = "the connection ended before its PROXY header";
    return none;
  }
  const size_t there = count < 0 ? 0 : static_cast<size_t>(count);
  ProxyHeader header = header::ParseProxyHeader({bytes.data(), there});
  if (header.kind == ProxyHeader::Kind::kMore && connection.hung_up()) {
    none.problem = "the connection ended inside its PROXY header";
    return none;
  }
  if (header.kind == ProxyHeader::Kind::kDone &&
      recv(connection.fd(), bytes.data(), header.size, 0) != static_cast<ssize_t>(header.size)) {
    none.problem = "the PROXY header could not be read";
    return none;
  }
  return header;
}

}  // namespace

boost::asio::awaitable<AnnouncedClient> ReadAnnouncedClient(Loop& loop, int fd, Deadline deadline) {
  Readiness connection(loop, fd);
  AnnouncedClient client;
  for (;;) {
    ProxyHeader header = TryHeader(connection);
    if (header.kind == ProxyHeader::Kind::kDone) {
      client.address = std::move(header.source);
      client.fd = connection.Release();
      co_return client;
    }
    if (header.kind == ProxyHeader::Kind::kBad) {
      client.problem = header.problem;
      co_return client;
    }
    connection.Drained(Direction::kRead);  // of what the header needs
    if (co_await connection.Wait(Direction::kRead, deadline) != WaitResult::kReady) {
      client.problem = "no whole PROXY header in time";
      co_return client;
    }
  }
}

}  // namespace sallyport::dataplane
