#include "dataplane/forward/http2_attempt.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
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

constexpr size_t kGatherFirst = 64 * 1024;  // of a body that goes out with its head
constexpr int kMostHttp2Attempts = 3;
constexpr absl::Duration kClientLook = absl::Seconds(1);
constexpr absl::Duration kWaitFor100 = absl::Seconds(1);
constexpr absl::Duration kDrainClient = absl::Seconds(2);

}  // namespace

Http2Attempt::Http2Attempt(UpstreamLease lease, Loop& loop, const ForwardRequest& request,
                           ReplayBody* replay, const ForwardTimeouts& timeouts, Deadline total,
                           ResponseSink& sink, ForwardOutcome* outcome)
    : lease_(std::move(lease)),
      loop_(loop),
      request_(request),
      replay_(replay),
      timeouts_(timeouts),
      total_(total),
      sink_(sink),
      outcome_(*outcome),
      stream_(loop),
      look_at_client_(loop.After(kClientLook)) {
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
    outcome_.reason = Reason::kAllowed;
    outcome_.detail.clear();
    outcome_.reset_code.reset();
    if (replay_ != nullptr) replay_->Rewind();
    co_return End::kRetry;
  }
  if (whole && lease_.http2() != nullptr) lease_.http2()->WasAnswered();
  outcome_.unsent = !whole && refused_ && (replay_ == nullptr || replay_->untouched());
  outcome_.request_read = request_.body == nullptr || (upload_ != nullptr && upload_->body_ended());
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
  if (!harmless || loop_.Passed(total_)) return false;
  if (request_.retries == nullptr) return true;
  outcome_.over_budget = !request_.retries->Take(loop_.NowMillis());
  return !outcome_.over_budget;
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
  const Upload::Cleaning cleaning{request_.set, request_.remove};
  upload_ = std::make_shared<Upload>(*request_.body, stream_, cleaning, loop_, timeouts_.idle);
  switch (upload_->Fill(kGatherFirst)) {
    case Upload::State::kWhole:
      upload_->MarkSent();  // the stream has it all
      request_.body->Taken();
      co_return Step::kGoOn;
    case Upload::State::kFailed: co_return Fail(upload_->reason(), "request body");
    case Upload::State::kMore:
    case Upload::State::kWant: break;
  }
  upload_running_ = true;
  boost::asio::co_spawn(loop_.context(), Upload::Run(upload_), boost::asio::detached);
  co_return Step::kGoOn;
}

// 100, a final answer, or patience at its end: RFC 9110 10.1.1.
boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::AwaitContinue() {
  const Deadline patience = Until(kWaitFor100);
  if (co_await ReadHead(patience) == Step::kGoOn) {
    have_final_head_ = !head_->informational();
    if (have_final_head_) co_return Step::kGoOn;
    co_return co_await RelayInterim(*head_);
  }
  if (outcome_.reason != Reason::kUpstreamTimeout || loop_.Passed(total_)) co_return Step::kStop;
  outcome_.reason = Reason::kAllowed;
  outcome_.detail.clear();
  AnswerHead head;
  head.status = 100;
  head.reason_phrase = "Continue";
  head.has_body = false;
  sink_.Interim(head);
  co_return co_await FlushToClient();
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

// A client that dawdles over its request until the time for the whole is up must not cost the
// target its health.
Http2Attempt::Step Http2Attempt::FailLate() {
  if (upload_running_ && upload_->waits_for_client())
    return Fail(Reason::kRequestTimeout, "the request took too long");
  return Fail(Reason::kUpstreamTimeout, "no answer in time");
}

// True while the request is under way, and once after its end: the time for an answer counts from
// there.
bool Http2Attempt::StillSending() {
  const bool sending = upload_running_ && !upload_->finished().is_set();
  return std::exchange(was_sending_, sending) || sending;
}

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::WaitUpstream(Deadline* deadline) {
  if (loop_.Passed(look_at_client_)) {  // also while the upstream keeps sending
    look_at_client_ = loop_.After(kClientLook);
    if (!sink_.ClientIsThere())
      co_return Fail(Reason::kClientGone, "while waiting for the upstream");
  }
  if (StillSending()) *deadline = Until(answering_ ? timeouts_.idle : timeouts_.first_byte);
  if (loop_.Passed(*deadline)) co_return FailLate();
  const Deadline slice = deadline->Earlier(look_at_client_);
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
  if (step == Step::kStop) outcome_.cut = outcome_.answer_started = !sink_.Abandon();
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

boost::asio::awaitable<Http2Attempt::Step> Http2Attempt::FlushToClient() {
  const Deadline deadline = Until(timeouts_.idle);
  const IoResult result = co_await sink_.Flush(deadline);
  if (result.ok()) co_return Step::kGoOn;
  co_return Fail(Reason::kClientGone, absl::StrCat("while answering: ", result.ToString()));
}

// The upload's coroutine uses the client's body and this stream: it must be over before we are.
boost::asio::awaitable<void> Http2Attempt::StopUpload() {
  if (!upload_->finished().is_set()) {
    upload_->Discard(
        loop_.After(outcome_.reason == Reason::kClientGone ? absl::ZeroDuration() : kDrainClient));
    stream_.Cancel(NGHTTP2_CANCEL);
  }
  (void)co_await upload_->finished().Wait(Deadline::Never());
}

void Http2Attempt::NoteGrpcStatus(const HeaderFields& fields) {
  const HeaderField* const field = FindField(fields, "grpc-status");
  int status = 0;
  if (field != nullptr && absl::SimpleAtoi(field->value, &status) && status >= 0)
    outcome_.grpc_status = status;
}

// Failures ----------------------------------------------------------------------------------------

Http2Attempt::Step Http2Attempt::Fail(Reason reason, std::string detail) {
  outcome_.reason = reason;
  outcome_.detail = std::move(detail);
  return Step::kStop;
}

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
      if (!sink_.ClientIsThere())
        return Fail(Reason::kClientGone, "while waiting for the upstream");
      break;
  }
  return Fail(Reason::kUpstreamReset, "the stream is over");
}

}  // namespace sallyport::dataplane
