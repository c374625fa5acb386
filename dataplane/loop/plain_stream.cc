#include <sys/socket.h>

#include <cerrno>

#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {
namespace {

IoResult FromErrno(IoResult::Kind want) {
  IoResult result;
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    result.kind = want;
  } else {
    result.kind = IoResult::Kind::kError;
    result.error = errno;
  }
  return result;
}

}  // namespace

bool Stream::IdleAndOpen() const {
  char byte = 0;
  const ssize_t count = recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count >= 0) return false;
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

IoResult PlainStream::TryRead(absl::Span<char> into) {
  if (into.empty()) return {};
  ssize_t count = 0;
  do {
    count = recv(fd(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return FromErrno(IoResult::Kind::kWantRead);
  IoResult result;
  result.bytes = static_cast<size_t>(count);
  if (count == 0) result.kind = IoResult::Kind::kEof;
  return result;
}

IoResult PlainStream::TryWrite(absl::string_view bytes) {
  if (bytes.empty()) return {};
  ssize_t count = 0;
  do {
    count = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) return FromErrno(IoResult::Kind::kWantWrite);
  IoResult result;
  result.bytes = static_cast<size_t>(count);
  return result;
}

void PlainStream::TryShutdown() { shutdown(fd(), SHUT_WR); }

}  // namespace sallyport::dataplane
