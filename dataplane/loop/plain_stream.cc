#include <sys/socket.h>

#include <cerrno>

#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {
namespace {

bool WouldBlock(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

IoResult Only(IoResult::Kind kind, int error = 0) {
  IoResult result;
  result.kind = kind;
  result.error = error;
  return result;
}

}  // namespace

bool Stream::IdleAndOpen(uint64_t looks) const {
  if (readiness_.hung_up()) return false;
  if (!readiness_.MayTry(Direction::kRead) && loop().looks() != looks) return true;
  char byte = 0;
  const ssize_t count = recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return count < 0 && WouldBlock(errno);
}

IoResult PlainStream::TryRead(absl::Span<char> into) {
  if (into.empty()) return {};
  if (!readiness().MayTry(Direction::kRead)) return Only(IoResult::Kind::kWantRead);
  ssize_t count = 0;
  do {
    count = recv(fd(), into.data(), into.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (!WouldBlock(errno)) return Only(IoResult::Kind::kError, errno);
    readiness().Drained(Direction::kRead);
    return Only(IoResult::Kind::kWantRead);
  }
  if (count == 0) return Only(IoResult::Kind::kEof);
  IoResult result;
  result.bytes = static_cast<size_t>(count);
  if (result.bytes < into.size()) readiness().ReadShort();
  return result;
}

IoResult PlainStream::TryWrite(absl::string_view bytes) {
  if (bytes.empty()) return {};
  if (!readiness().MayTry(Direction::kWrite)) return Only(IoResult::Kind::kWantWrite);
  ssize_t count = 0;
  do {
    count = send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    if (!WouldBlock(errno)) {
      readiness().Broken();
      return Only(IoResult::Kind::kError, errno);
    }
    readiness().Drained(Direction::kWrite);
    return Only(IoResult::Kind::kWantWrite);
  }
  IoResult result;
  result.bytes = static_cast<size_t>(count);
  return result;
}

void PlainStream::TryShutdown() { shutdown(fd(), SHUT_WR); }

}  // namespace sallyport::dataplane
