#include "dataplane/loop/stream.h"

#include "absl/strings/str_cat.h"
#include "dataplane/loop/suspension.h"

namespace sallyport::dataplane {

using Kind = IoResult::Kind;

std::string IoResult::ToString() const {
  switch (kind) {
    case Kind::kDone: return absl::StrCat("done, ", bytes, " bytes");
    case Kind::kWantRead: return "wants to read";
    case Kind::kWantWrite: return "wants to write";
    case Kind::kPaused: return "paused";
    case Kind::kEof: return "closed by the peer";
    case Kind::kTruncated: return "closed by the peer without close_notify";
    case Kind::kTimeout: return "timeout";
    case Kind::kCancelled: return "cancelled";
    case Kind::kError: break;
  }
  return error != 0 ? absl::StrCat("errno ", error) : absl::StrCat("TLS error ", tls_error);
}

boost::asio::awaitable<IoResult> WaitFor(Stream& stream, Kind want, Deadline deadline) {
  const Direction direction = want == Kind::kWantWrite ? Direction::kWrite : Direction::kRead;
  Suspension suspension(stream.readiness(), direction);
  std::optional<WaitResult> waited = suspension.Begin(deadline);
  if (!waited.has_value()) waited = co_await suspension();
  IoResult result;
  if (waited == WaitResult::kTimeout) result.kind = Kind::kTimeout;
  if (waited == WaitResult::kCancelled) result.kind = Kind::kCancelled;
  co_return result;
}

boost::asio::awaitable<IoResult> Read(Stream& stream, absl::Span<char> into, Deadline deadline) {
  for (;;) {
    const IoResult result = stream.TryRead(into);
    if (!result.wants()) co_return result;
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    if (!waited.ok()) co_return waited;
  }
}

boost::asio::awaitable<IoResult> WriteAll(Stream& stream, absl::string_view bytes,
                                          Deadline deadline) {
  IoResult total;
  while (total.bytes < bytes.size()) {
    // Also when the peer takes everything at once: nothing else would ever stop a stream that flows.
    if (stream.readiness().cancelled()) {
      total.kind = Kind::kCancelled;
      co_return total;
    }
    const IoResult result = stream.TryWrite(bytes.substr(total.bytes));
    if (result.ok()) {
      total.bytes += result.bytes;
      continue;
    }
    if (!result.wants()) co_return result;
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    if (!waited.ok()) co_return waited;
  }
  co_return total;
}

boost::asio::awaitable<IoResult> Handshake(Stream& stream, Deadline deadline) {
  for (;;) {
    const IoResult result = stream.TryHandshake();
    if (!result.wants()) co_return result;
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    if (!waited.ok()) co_return waited;
  }
}

boost::asio::awaitable<void> Yield(Loop& loop) { (void)co_await NextTurn(loop); }

}  // namespace sallyport::dataplane
