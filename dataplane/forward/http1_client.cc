#include "dataplane/forward/http1_client.h"

#include <poll.h>

#include <charconv>
#include <utility>

#include "dataplane/forward/headers.h"
#include "shared/base/appender.h"

namespace sallyport::dataplane {
namespace {

// What framing adds, and the ends of lines.
constexpr size_t kMostBeside = 128;

size_t MostBytes(const AnswerHead& head) {
  size_t bytes = kMostBeside + head.reason_phrase.size();
  for (const HeaderField& field : head.fields) bytes += field.name.size() + field.value.size() + 4;
  return bytes;
}

template <typename Number>
void PutNumber(Number number, base::Appender* out) {
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out->Put({digits, static_cast<size_t>(end - digits)});
}

void PutHead(const AnswerHead& head, base::Appender* out) {
  out->Put("HTTP/1.1 ");
  PutNumber(head.status, out);
  out->Put(" ");
  out->Put(head.reason_phrase);
  out->Put("\r\n");
  for (const HeaderField& field : head.fields) PutField(field, out);
}

}  // namespace

boost::asio::awaitable<IoResult> Http1RequestBody::Wait(IoResult::Kind want, Deadline deadline) {
  return WaitFor(stream_, want, deadline);
}

Http1ResponseSink::Http1ResponseSink(Stream& stream, Options options, std::string* out)
    : stream_(stream),
      options_(std::move(options)),
      out_(out),
      keep_alive_wish_(options_.keep_alive) {}

void Http1ResponseSink::Interim(const AnswerHead& head) {
  if (options_.minor_version == 0) return;  // RFC 9110 §15.2
  base::Appender to(out_, MostBytes(head));
  PutHead(head, &to);
  to.Put("\r\n");
}

Framing Http1ResponseSink::FramingOf(const AnswerHead& head) const {
  if (!head.has_body) return Framing::kNone;
  if (head.length.has_value()) return Framing::kLength;
  return options_.minor_version == 0 ? Framing::kUntilClose : Framing::kChunked;
}

void Http1ResponseSink::Start(const AnswerHead& head) {
  started_ = true;
  some_written_ = false;
  start_at_ = out_->size();
  keep_alive_wish_ = options_.keep_alive;
  if (options_.is_last && options_.is_last()) options_.keep_alive = false;
  const Framing framing = FramingOf(head);
  writer_.Start(framing, head.length.value_or(0));
  if (framing == Framing::kUntilClose) options_.keep_alive = false;
  base::Appender to(out_, MostBytes(head));
  PutHead(head, &to);
  if (framing == Framing::kChunked) to.Put("Transfer-Encoding: chunked\r\n");
  if (head.length.has_value()) {
    to.Put("Content-Length: ");
    PutNumber(*head.length, &to);
    to.Put("\r\n");
  }
  if (!options_.keep_alive) {
    to.Put("Connection: close\r\n");
  } else if (options_.minor_version == 0) {
    to.Put("Connection: keep-alive\r\n");
  }
  to.Put("\r\n");
}

bool Http1ResponseSink::Append(absl::string_view data) { return writer_.Append(data, out_); }

bool Http1ResponseSink::Finish(const HeaderFields& trailers) {
  return writer_.Finish(trailers, out_);
}

boost::asio::awaitable<IoResult> Http1ResponseSink::Flush(Deadline deadline) {
  if (failed_ || out_->empty()) {
    IoResult result;
    if (failed_) result.kind = IoResult::Kind::kError;
    co_return result;
  }
  some_written_ = some_written_ || started_;
  const IoResult result = co_await WriteAll(stream_, *out_, deadline);
  written_ += result.bytes;
  failed_ = !result.ok();
  out_->clear();
  co_return result;
}

std::optional<IoResult> Http1ResponseSink::TryFlush() {
  if (failed_ || out_->empty()) {
    IoResult result;
    if (failed_) result.kind = IoResult::Kind::kError;
    return result;
  }
  some_written_ = some_written_ || started_;
  absl::string_view left = *out_;
  IoResult::Kind want = IoResult::Kind::kWantWrite;
  const std::optional<IoResult> result = TryWriteAll(stream_, &left, &want);
  const size_t gone = out_->size() - left.size();
  written_ += gone;
  if (result.has_value()) {
    failed_ = !result->ok();
    out_->clear();
  } else {
    out_->erase(0, gone);
  }
  return result;
}

bool Http1ResponseSink::Abandon() {
  if (!started_) return true;
  if (some_written_) return false;
  out_->resize(start_at_);
  started_ = false;
  options_.keep_alive = keep_alive_wish_;
  return true;
}

bool Http1ResponseSink::ClientIsThere() {
  pollfd state{stream_.fd(), POLLRDHUP, 0};
  if (state.fd < 0 || failed_ || stream_.readiness().cancelled()) return false;
  return poll(&state, 1, 0) == 0 || (state.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0;
}

}  // namespace sallyport::dataplane
