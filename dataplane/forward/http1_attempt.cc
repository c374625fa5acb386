#include "dataplane/forward/http1_attempt.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/headers.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/http/upgrade.h"
#include "shared/base/appender.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = IoResult::Kind;

constexpr absl::Duration kAfterWriteFailure = absl::Seconds(1);

// Methods whose meaning expects a body say that there is none (RFC 9110 8.6).
bool SaysEmptyBody(absl::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

Http1Attempt::Http1Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
                           const ForwardTimeouts& timeouts, Deadline total, ResponseSink& sink,
                           ForwardOutcome* outcome)
    : Attempt(std::move(lease), loop, request, timeouts, total, sink, outcome),
      connection_(lease_.connection()),
      is_head_(request.method == "HEAD") {
  sink_.TellWhenGone(this);
}

Http1Attempt::~Http1Attempt() { sink_.TellWhenGone(nullptr); }

boost::asio::awaitable<Http1Attempt::End> Http1Attempt::Run() {
  connection_.out.clear();
  AppendHead();
  std::optional<Step> sent;
  if (request_.body == nullptr) sent = TryWriteOut();
  if (!sent.has_value()) sent = co_await Send();
  Step step = *sent;
  if (step == Step::kGoOn && !have_final_head_) {
    const absl::Duration patience = write_failed_ ? kAfterWriteFailure : timeouts_.first_byte;
    step = co_await ReadFinalHead(Until(patience));
  }
  if (step == Step::kGoOn && connection_.head.status == 101) {
    co_await Switch();
    co_return End::kFinal;
  }
  if (step == Step::kGoOn) {
    StartAnswer();
    std::optional<Step> answered = TryAnswer();
    if (!answered.has_value()) answered = co_await Answer();
    step = *answered;
  }
  if (upload_running_) co_await StopUpload();
  if (upload_ != nullptr) outcome_.request_bytes = upload_->bytes();
  const bool whole = step == Step::kGoOn;
  if (!whole && MayRetry() && BudgetAllows()) {
    Forgive();
    co_return End::kRetry;
  }
  Conclude(whole);
  co_return End::kFinal;
}

bool Http1Attempt::MayRetry() const {
  const bool body_taken = upload_ != nullptr && upload_->touched();
  constexpr int kMostAttempts = 3;
  return request_.retry && outcome_.attempts < kMostAttempts && lease_.reused() &&
         connection_ended_ && !got_bytes_ && !body_taken &&
         (nothing_written_ || IsIdempotent(request_.method));
}

void Http1Attempt::Conclude(bool whole) {
  outcome_.request_read = WasRead();
  const bool request_sent = request_.body == nullptr || (upload_ != nullptr && upload_->sent());
  // An upstream that was asked to switch may think that it has, whatever it answers.
  if (whole && request_sent && !write_failed_ && connection_.head.keep_alive &&
      request_.upgrade.empty() && !connection_.stream->readiness().cancelled()) {
    lease_.Keep();
  } else {
    lease_.Drop();
  }
}

// Request -----------------------------------------------------------------------------------------

void Http1Attempt::AppendHead() {
  std::string& out = connection_.out;
  constexpr size_t kMostBeside = 32;
  {
    base::Appender to(
        &out, request_.method.size() + request_.target.size() + request_.host.size() + kMostBeside);
    to.Put(request_.method);
    to.Put(" ");
    to.Put(request_.target);
    to.Put(" HTTP/1.1\r\nHost: ");
    to.Put(request_.host);
    to.Put("\r\n");
  }
  static const HeaderFields kNoFields;
  AppendRequestFields(request_.fields != nullptr ? *request_.fields : kNoFields, request_.set,
                      request_.remove,
                      request_.from_trusted_proxy ? Sender::kTrustedProxy : Sender::kAnybody, &out);
  if (!request_.upgrade.empty()) {
    absl::StrAppend(&out, "Upgrade: ", request_.upgrade, "\r\nConnection: Upgrade\r\n");
  } else if (request_.accepts_trailers) {
    out.append("TE: trailers\r\nConnection: TE\r\n");
  }
  AppendFraming(&out);
  out.append("\r\n");
}

void Http1Attempt::AppendFraming(std::string* out) const {
  if (request_.body == nullptr) {
    if (SaysEmptyBody(request_.method)) out->append("Content-Length: 0\r\n");
    return;
  }
  if (request_.body->framing() == Framing::kChunked) {
    out->append("Transfer-Encoding: chunked\r\n");
  } else {
    absl::StrAppend(out, "Content-Length: ", request_.body->content_length(), "\r\n");
  }
  if (request_.expect_continue) out->append("Expect: 100-continue\r\n");
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::Send() {
  if (request_.body == nullptr) co_return co_await WriteOut();
  if (request_.expect_continue) {
    Step step = co_await WriteOut();
    if (step == Step::kGoOn && !write_failed_) step = co_await AwaitContinue();
    if (step == Step::kStop || have_final_head_ || write_failed_) co_return step;
  }
  body_sink_.emplace(*connection_.stream, &connection_.out, *request_.body);
  switch (BeginUpload(*body_sink_)) {
    case Upload::State::kWhole: {
      const Step step = co_await WriteOut();
      if (!write_failed_) upload_->MarkSent();
      request_.body->Taken();
      co_return step;
    }
    case Upload::State::kFailed: co_return Fail(upload_->reason(), "request body");
    case Upload::State::kMore:
    case Upload::State::kWant: break;
  }
  nothing_written_ = false;
  GoOnUploading();
  co_return Step::kGoOn;
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::WriteOut() {
  const Deadline deadline = Until(timeouts_.idle);
  const IoResult result = co_await WriteAll(*connection_.stream, connection_.out, deadline);
  co_return Written(result);
}

std::optional<Http1Attempt::Step> Http1Attempt::TryWriteOut() {
  absl::string_view left = connection_.out;
  Kind want = Kind::kWantWrite;
  const std::optional<IoResult> result = TryWriteAll(*connection_.stream, &left, &want);
  if (result.has_value()) return Written(*result);
  const size_t gone = connection_.out.size() - left.size();
  nothing_written_ = nothing_written_ && gone == 0;
  connection_.out.erase(0, gone);
  return std::nullopt;
}

Http1Attempt::Step Http1Attempt::Written(const IoResult& result) {
  nothing_written_ = nothing_written_ && result.bytes == 0;
  if (result.ok()) {
    connection_.out.clear();
    return Step::kGoOn;
  }
  if (result.kind == Kind::kTimeout) return Fail(Reason::kUpstreamTimeout, "request not taken");
  if (result.kind == Kind::kCancelled && !sink_.ClientIsThere()) return FailGone();
  write_failed_ = connection_ended_ = true;
  if (MayRetry()) return Fail(Reason::kUpstreamReset, result.ToString());
  return Step::kGoOn;  // an answer may be there all the same
}

// 100, a final answer, or patience at its end: RFC 9110 10.1.1.
boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::AwaitContinue() {
  const Deadline patience = Until(kContinueWait);
  const Step step = co_await ReadHead(patience);
  if (step == Step::kStop) {
    if (outcome_.reason != Reason::kUpstreamTimeout || got_bytes_ || loop_.Passed(total_)) {
      co_return Step::kStop;
    }
    co_return co_await SayContinue();
  }
  if (!connection_.head.informational()) {
    have_final_head_ = true;
    co_return Step::kGoOn;
  }
  co_return co_await RelayInterim();
}

}  // namespace sallyport::dataplane
