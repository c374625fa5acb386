#include "dataplane/forward/http1_client.h"

#include <poll.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

void AppendStatusLine(const AnswerHead& head, std::string* out) {
  absl::StrAppend(out, "HTTP/1.1 ", head.status, " ", head.reason_phrase, "\r\n");
}

void AppendFields(const HeaderFields& fields, std::string* out) {
  for (const HeaderField& field : fields) {
    out->append(field.name.data(), field.name.size());
    out->append(": ");
    out->append(field.value.data(), field.value.size());
    out->append("\r\n");
  }
}

}  // namespace

boost::asio::awaitable<IoResult> Http1RequestBody::Wait(IoResult::Kind want, Deadline deadline) {
  return WaitFor(stream_, want, deadline);
}

Http1ResponseSink::Http1ResponseSink(Stream& stream, Options options, std::string* out)
    : stream_(stream), options_(std::move(options)), out_(out), keep_alive_wish_(options_.keep_alive) {}

void Http1ResponseSink::Interim(const AnswerHead& head) {
  if (options_.minor_version == 0) return;  // RFC 9110 §15.2
  AppendStatusLine(head, out_);
  AppendFields(head.fields, out_);
  out_->append("\r\n");
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
  AppendStatusLine(head, out_);
  AppendFields(head.fields, out_);
  if (framing == Framing::kChunked) out_->append("Transfer-Encoding: chunked\r\n");
  if (head.length.has_value()) absl::StrAppend(out_, "Content-Length: ", *head.length, "\r\n");
  if (!options_.keep_alive) {
    out_->append("Connection: close\r\n");
  } else if (options_.minor_version == 0) {
    out_->append("Connection: keep-alive\r\n");
  }
  out_->append("\r\n");
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
