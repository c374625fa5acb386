#include "dataplane/exchange/linger.h"

#include <sys/socket.h>

#include <cerrno>

namespace sallyport::dataplane {

boost::asio::awaitable<void> Linger(Stream& stream) {
  constexpr size_t kMostBytes = 1 << 20;
  const Deadline deadline = stream.loop().After(absl::Seconds(2));
  char scratch[4096];
  for (size_t total = 0; total < kMostBytes;) {
    const ssize_t count = recv(stream.fd(), scratch, sizeof(scratch), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) co_return;
    if (count > 0) total += static_cast<size_t>(count);
    if (count > 0 || errno == EINTR) continue;
    stream.readiness().Drained(Direction::kRead);
    const IoResult waited = co_await WaitFor(stream, IoResult::Kind::kWantRead, deadline);
    if (!waited.ok()) co_return;
  }
}

void EndByReset(Stream& stream) {
  const linger at_once = {1, 0};
  setsockopt(stream.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace sallyport::dataplane
