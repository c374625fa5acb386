#include "dataplane/forward/http2_attempt.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/forward/grpc.h"
#include "dataplane/forward/headers.h"
#include "dataplane/http/error_style.h"
#include "dataplane/http2/error_name.h"
#include "dataplane/upstream/http2_connection.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr int kMostHttp2Attempts = 3;

}  // namespace

Http2Attempt::Http2Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
                           ReplayBody* replay, const ForwardTimeouts& timeouts, Deadline total,
                           ResponseSink& sink, ForwardOutcome* outcome)
    : Attempt(std::move(lease), loop, request, timeouts, total, sink, outcome),
      replay_(replay),
      stream_(loop) {
  sink_.TellWhenGone(this);
}

Http2Attempt::~Http2Attempt() { sink_.TellWhenGone(nullptr); }

boost::asio::awaitable<Http2Attempt::End> Http2Attempt::Run() {
  Step step = Begin();
  if (step == Step::kGoOn) step = co_await Send();
  if (step == Step::kGoOn && !have_final_head_)
    step = co_await ReadFinalHead(Until(timeouts_.first_byte));
  if (step == Step::kGoOn) step = co_await Answer();
  const bool whole = step == Step::kGoOn;
  if (upload_running_) co_await StopUpload();
  if (upload_ != nullptr) outcome_.request_bytes = upload_->bytes();
  stream_.Cancel(NGHTTP2_CANCEL);  // what is left of it
  if (!whole && MayRetry()) {
    Forgive();
    outcome_.reset_code.reset();
    if (replay_ != nullptr) replay_->Rewind();
    co_return End::kRetry;
  }
  if (whole && lease_.http2() != nullptr) lease_.http2()->WasAnswered();
  outcome_.unsent = !whole && refused_ && (replay_ == nullptr || replay_->untouched());
  outcome_.request_read = WasRead();
  lease_.Keep();
  co_return End::kFinal;
}

// RFC 9113 8.7: what was refused can always be sent again; what a kept connection's end has cut,
// when that is harmless.
bool Http2Attempt::MayRetry() {
  // A body that could not be read whole must not look whole the next time.
  if (upload_ != nullptr && upload_->reason() != Reason::kAllowed) return false;
  if (!request_.retry || outcome_.attempts >= kMostHttp2Attempts || !CanSendAgain() ||
      stream_.answered())
    return false;
  const bool harmless =
      refused_ || (connection_ended_ && lease_.reused() && IsIdempotent(request_.method));
  return harmless && !loop_.Passed(total_) && BudgetAllows();
}

// Request -----------------------------------------------------------------------------------------

Http2Attempt::Step Http2Attempt::Begin() {
  static const HeaderFields kNone;
  OutgoingHead head;
  head.method = request_.method;
  head.scheme = lease_.connection().tls_context != nullptr ? "https" : "http";
  head.authority = request_.host;
  head.path = request_.target;
  CleanRequest(request_.fields != nullptr ? *request_.fields : kNone, request_.set, request_.remove,
               request_.from_trusted_proxy ? Sender::kTrustedProxy : Sender::kAnybody,
               &head.fields);
  head.has_body = request_.body != nullptr;
  if (head.has_body && request_.body->framing() == Framing::kLength)
    head.length = request_.body->content_length();
  head.accepts_trailers = request_.accepts_trailers;
  head.expect_continue = head.has_body && request_.expect_continue;
  if (!lease_.http2()->Fits(head))
    return Fail(Reason::kHeadTooLarge, "it is larger than the upstream says that it takes");
  if (lease_.http2()->Request(head, &stream_)) return Step::kGoOn;
  refused_ = true;
  return Fail(Reason::kUpstreamReset, "the connection takes no more requests");
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::Send() {
  if (request_.body == nullptr) co_return Step::kGoOn;
  if (request_.expect_continue) {
    const Step step = co_await AwaitContinue();
    if (step == Step::kStop || have_final_head_) co_return step;
  }
  switch (BeginUpload(stream_)) {
    case Upload::State::kWhole:
      upload_->MarkSent();  // the stream has it all
      request_.body->Taken();
      co_return Step::kGoOn;
    case Upload::State::kFailed: co_return Fail(upload_->reason(), "request body");
    case Upload::State::kMore:
    case Upload::State::kWant: break;
  }
  GoOnUploading();
  co_return Step::kGoOn;
}

// 100, a final answer, or patience at its end: RFC 9110 10.1.1.
boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::AwaitContinue() {
  const Deadline patience = Until(kContinueWait);
  if (co_await ReadHead(patience) == Step::kGoOn) {
    have_final_head_ = !head_->informational();
    if (have_final_head_) co_return Step::kGoOn;
    co_return co_await RelayInterim(*head_);
  }
  if (outcome_.reason != Reason::kUpstreamTimeout || loop_.Passed(total_)) co_return Step::kStop;
  co_return co_await SayContinue();
}

// Head of the answer ------------------------------------------------------------------------------

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::ReadFinalHead(Deadline deadline) {
  for (;;) {
    if (co_await ReadHead(deadline) == Step::kStop) co_return Step::kStop;
    if (!head_->informational()) co_return Step::kGoOn;
    if (co_await RelayInterim(*head_) == Step::kStop) co_return Step::kStop;
  }
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::ReadHead(Deadline deadline) {
  for (;;) {
    head_ = stream_.NextHead();
    if (head_ != nullptr) co_return Step::kGoOn;
    if (stream_.end().kind != Http2End::Kind::kOpen) co_return FailEnd();
    if (co_await WaitUpstream(&deadline) == Step::kStop) co_return Step::kStop;
  }
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::RelayInterim(const ResponseHead& head) {
  if (head.status == 100 && !request_.expect_continue) co_return Step::kGoOn;
  AnswerHead interim;
  interim.status = head.status;
  interim.reason_phrase = ReasonPhrase(head.status);
  interim.has_body = false;
  CleanResponse(head.fields, {}, &interim.fields);
  sink_.Interim(interim);
  co_return co_await FlushToClient();
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::WaitUpstream(Deadline* deadline) {
  if (!ClientIsThere()) co_return FailGone();
  if (StillSending()) *deadline = Until(answering_ ? timeouts_.idle : timeouts_.first_byte);
  if (loop_.Passed(*deadline)) co_return FailLate();
  const Deadline slice = deadline->Earlier(look_at_client());
  (void)co_await stream_.Wait(slice);
  co_return Step::kGoOn;
}

// Answer ------------------------------------------------------------------------------------------

void Http2Attempt::StartAnswer(const ResponseHead& head) {
  AnswerHead answer;
  answer.status = head.status;
  answer.reason_phrase = ReasonPhrase(head.status);
  answer.has_body = request_.method != "HEAD" && head.status != 204 && head.status != 304;
  if (head.has_content_length && head.status != 204) {
    answer.length = head.content_length;
  } else if (answer.has_body && head.framing == Framing::kNone && !request_.grpc) {
    answer.length = 0;
  }
  CleanResponse(head.fields, request_.answer, &answer.fields);
  outcome_.status = head.status;
  sink_.Start(answer);
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::Answer() {
  answering_ = true;
  outcome_.first_byte_at = loop_.clock().Monotonic();
  if (replay_ != nullptr) replay_->LetGo();
  if (request_.grpc) NoteGrpcStatus(head_->fields);
  StartAnswer(*head_);
  const Step step = co_await RelayBody();
  if (step == Step::kStop) CutAnswer();
  co_return step;
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::RelayBody() {
  constexpr size_t kFlushFrom = 32 * 1024;
  FairShare share;
  Deadline idle;
  for (;;) {
    const BodyPiece piece = stream_.TryNext();
    switch (piece.kind) {
      case BodyPiece::Kind::kData:
        if (upload_running_) upload_->Renew();
        outcome_.response_bytes += piece.data.size();
        if (!sink_.Append(piece.data))
          co_return Fail(Reason::kUpstreamProtocol, "answer is too long");
        if (sink_.pending() >= kFlushFrom) {
          if (co_await FlushToClient() == Step::kStop) co_return Step::kStop;
          stream_.Taken();
        }
        if (share.Relay(piece.data.size())) co_await Yield(loop_);
        break;
      case BodyPiece::Kind::kEnd:
        if (request_.grpc) NoteGrpcStatus(stream_.trailers());
        if (!sink_.Finish(stream_.trailers()))
          co_return Fail(Reason::kUpstreamProtocol, "answer is too short");
        co_return co_await FlushToClient();
      case BodyPiece::Kind::kWant:
        if (sink_.pending() > 0 && co_await FlushToClient() == Step::kStop) co_return Step::kStop;
        stream_.Taken();
        if (stream_.end().kind == Http2End::Kind::kWhole) break;  // it came while we flushed
        if (stream_.end().kind != Http2End::Kind::kOpen) co_return FailEnd();
        idle = Until(timeouts_.idle);
        if (co_await WaitUpstream(&idle) == Step::kStop) co_return Step::kStop;
        break;
      default: co_return FailEnd();
    }
  }
}

boost::asio::awaitable<void> Http2Attempt::StopUpload() {
  if (DiscardUpload()) stream_.Cancel(NGHTTP2_CANCEL);
  co_await AwaitUpload();
}

void Http2Attempt::NoteGrpcStatus(const HeaderFields& fields) {
  const HeaderField* const field = FindField(fields, "grpc-status");
  int status = 0;
  if (field != nullptr && absl::SimpleAtoi(field->value, &status) && status >= 0)
    outcome_.grpc_status = status;
}

// Failures ----------------------------------------------------------------------------------------

Http2Attempt::Step Http2Attempt::FailEnd() {
  const Http2End& end = stream_.end();
  switch (end.kind) {
    case Http2End::Kind::kOpen:
    case Http2End::Kind::kWhole: break;
    case Http2End::Kind::kMalformed:
      return Fail(Reason::kUpstreamProtocol, absl::StrCat("HTTP/2: ", end.detail));
    case Http2End::Kind::kRefused:
      refused_ = true;
      lease_.http2()->WasRefused();
      return Fail(Reason::kUpstreamReset, "the upstream did not begin with the request");
    case Http2End::Kind::kReset:
      outcome_.reset_code = end.code;
      return Fail(Reason::kUpstreamReset, absl::StrCat("RST_STREAM ", Http2ErrorName(end.code)));
    case Http2End::Kind::kConnection: {
      connection_ended_ = true;
      const UpstreamFailure& failure = lease_.http2()->failure();
      return Fail(failure.reason, failure.detail);
    }
    case Http2End::Kind::kInterrupted:
      if (upload_ != nullptr && upload_->reason() != Reason::kAllowed)
        return Fail(upload_->reason(), "request body");
      if (!sink_.ClientIsThere()) return FailGone();
      break;
  }
  return Fail(Reason::kUpstreamReset, "the stream is over");
}

}  // namespace sallyport::dataplane
