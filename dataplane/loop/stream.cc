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
  StreamWait wait(stream, want);
  std::optional<WaitResult> waited = wait.Begin(deadline);
  if (!waited.has_value()) waited = co_await wait();
  co_return StreamWait::ResultOf(*waited);
}

boost::asio::awaitable<IoResult> Read(Stream& stream, absl::Span<char> into, Deadline deadline) {
  for (;;) {
    const IoResult result = stream.TryRead(into);
    if (!result.wants()) co_return result;
    const IoResult waited = co_await WaitFor(stream, result.kind, deadline);
    if (!waited.ok()) co_return waited;
  }
}

std::optional<IoResult> TryWriteAll(Stream& stream, absl::string_view* bytes, Kind* want) {
  IoResult total;
  while (!bytes->empty()) {
    // Also when the peer takes everything at once: nothing else would ever stop a stream that
    // flows.
    if (stream.readiness().cancelled()) {
      total.kind = Kind::kCancelled;
      return total;
    }
    IoResult result = stream.TryWrite(*bytes);
    if (result.wants()) {
      *want = result.kind;
      return std::nullopt;
    }
    total.bytes += result.bytes;
    if (!result.ok()) {
      result.bytes = total.bytes;
      return result;
    }
    bytes->remove_prefix(result.bytes);
  }
  return total;
}

boost::asio::awaitable<IoResult> WriteAll(Stream& stream, absl::string_view bytes,
                                          Deadline deadline) {
  absl::string_view left = bytes;
  for (;;) {
    Kind want = Kind::kWantWrite;
    std::optional<IoResult> result = TryWriteAll(stream, &left, &want);
    if (!result.has_value()) {
      result = co_await WaitFor(stream, want, deadline);
      if (result->ok()) continue;
    }
    result->bytes = bytes.size() - left.size();
    co_return *result;
  }
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
