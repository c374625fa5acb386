// The answer of one attempt: its head, what comes before it, its body, and how it fails.
#include <openssl/err.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/forward/headers.h"
#include "dataplane/forward/http1_attempt.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/http/upgrade.h"
#include "dataplane/loop/suspension.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using Kind = IoResult::Kind;

constexpr size_t kFlushBytes = 32 * 1024;    // of an answer's body
constexpr size_t kMaxHeadBytes = 64 * 1024;  // of an answer

HeadLimits AnswerLimits() {
  HeadLimits limits;
  limits.max_head_bytes = kMaxHeadBytes;
  limits.max_fields = 256;
  return limits;
}

}  // namespace

// Head of the answer ------------------------------------------------------------------------------

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::ReadFinalHead(Deadline deadline) {
  ResponseParser parser(AnswerLimits());
  Deadline of_this_head = deadline;
  for (;;) {
    Kind want = Kind::kWantRead;
    const std::optional<Step> read = TryReadHead(&parser, &want);
    if (!read.has_value()) {
      if (co_await WaitUpstream(want, &of_this_head) == Step::kStop) co_return Step::kStop;
      continue;
    }
    if (*read == Step::kStop || !connection_.head.informational()) co_return *read;
    if (connection_.head.status == 101) co_return CheckSwitch();
    if (co_await RelayInterim() == Step::kStop) co_return Step::kStop;
    of_this_head = deadline;
  }
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::ReadHead(Deadline deadline) {
  ResponseParser parser(AnswerLimits());
  for (;;) {
    Kind want = Kind::kWantRead;
    const std::optional<Step> read = TryReadHead(&parser, &want);
    if (read.has_value()) co_return *read;
    if (co_await WaitUpstream(want, &deadline) == Step::kStop) co_return Step::kStop;
  }
}

std::optional<Http1Attempt::Step> Http1Attempt::TryReadHead(ResponseParser* parser, Kind* want) {
  ReadBuffer& buffer = connection_.buffer;
  for (;;) {
    if (!buffer.empty()) {
      const ParseOutcome parsed = parser->Parse(buffer.data(), is_head_, &connection_.head);
      if (parsed.kind == ParseOutcome::Kind::kBad) {
        return Fail(Reason::kUpstreamProtocol, std::string(parsed.detail));
      }
      if (parsed.kind == ParseOutcome::Kind::kDone) {
        buffer.Consume(parsed.consumed);
        return Step::kGoOn;
      }
    }
    const absl::Span<char> space = buffer.Space(kMaxHeadBytes + 1);
    if (space.empty()) return Fail(Reason::kUpstreamProtocol, "answer's head is too large");
    const IoResult result = connection_.stream->TryRead(space);
    if (result.wants()) {
      *want = result.kind;
      return std::nullopt;
    }
    if (!result.ok()) return FailRead(result);
    buffer.Commit(result.bytes);
    got_bytes_ = true;
  }
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::RelayInterim() {
  constexpr int kMaxInterim = 16;
  if (connection_.head.status == 101 || ++interim_ > kMaxInterim) {  // 101: before the body
    co_return Fail(Reason::kUpstreamProtocol, "unexpected interim answer");
  }
  if (connection_.head.status == 100 && !request_.expect_continue) co_return Step::kGoOn;
  AnswerHead head;
  head.status = connection_.head.status;
  head.reason_phrase = connection_.head.reason_phrase;
  head.has_body = false;
  CleanResponse(connection_.head.fields, {}, &head.fields);
  sink_.Interim(head);
  co_return co_await FlushToClient();
}

Http1Attempt::Step Http1Attempt::CheckSwitch() {
  if (request_.upgrade.empty() || request_.fields == nullptr) {
    return Fail(Reason::kUpstreamProtocol, "101 that was not asked for");
  }
  const char* const why = NotSwitched(connection_.head, *request_.fields, request_.upgrade);
  return why == nullptr ? Step::kGoOn : Fail(Reason::kUpstreamProtocol, why);
}

// The last that is said in HTTP on either side.
boost::asio::awaitable<void> Http1Attempt::Switch() {
  outcome_.first_byte_at = loop_.clock().Monotonic();
  AnswerHead head;
  head.status = outcome_.status = 101;
  head.reason_phrase = connection_.head.reason_phrase;
  head.has_body = false;
  CleanResponse(connection_.head.fields, request_.answer, &head.fields);
  head.fields.push_back({"Upgrade", request_.upgrade});
  head.fields.push_back({"Connection", "Upgrade"});
  sink_.Interim(head);
  if (co_await FlushToClient() == Step::kGoOn) outcome_.tunnel = lease_.Detach();
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::WaitUpstream(Kind want,
                                                                      Deadline* deadline) {
  const bool answering = outcome_.first_byte_at != absl::ZeroDuration();
  for (;;) {
    if (!ClientIsThere()) co_return FailGone();
    if (StillSending()) *deadline = Until(answering ? timeouts_.idle : timeouts_.first_byte);
    if (loop_.Passed(*deadline)) co_return FailLate();
    const Deadline slice = deadline->Earlier(look_at_client());
    StreamWait wait(*connection_.stream, want);
    std::optional<WaitResult> waited = wait.Begin(slice);
    if (!waited.has_value()) waited = co_await wait();
    const IoResult result = StreamWait::ResultOf(*waited);
    if (result.ok()) co_return Step::kGoOn;
    if (result.kind != Kind::kTimeout) co_return FailRead(result);
  }
}

// Answer ------------------------------------------------------------------------------------------

void Http1Attempt::StartAnswer() {
  outcome_.first_byte_at = loop_.clock().Monotonic();
  const ResponseHead& head = connection_.head;
  AnswerHead answer;
  answer.status = head.status;
  answer.reason_phrase = head.reason_phrase;
  answer.has_body = !is_head_ && head.status != 204 && head.status != 304;
  if (!answer.has_body) {
    if (head.has_content_length && head.status != 204) answer.length = head.content_length;
  } else if (head.framing == Framing::kLength || head.framing == Framing::kNone) {
    answer.length = head.framing == Framing::kLength ? head.content_length : 0;
  }
  thread_local HeaderFields room;  // for its capacity: all of this is over before anything waits
  answer.fields.swap(room);
  CleanResponse(head.fields, request_.answer, &answer.fields);
  outcome_.status = head.status;
  sink_.Start(answer);
  answer.fields.swap(room);
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::Answer() {
  Step step = Step::kGoOn;
  if (appended_) {
    step = co_await FlushToClient();
  } else {
    step = co_await RelayBody();
  }
  if (step == Step::kStop) CutAnswer();
  co_return step;
}

// Only an answer that has come as a whole with its head.
std::optional<Http1Attempt::Step> Http1Attempt::TryAnswer() {
  const ResponseHead& head = connection_.head;
  const bool is_here = head.framing == Framing::kLength &&
                       head.content_length <= connection_.buffer.size() &&
                       head.content_length < kFlushBytes;
  if (!is_here && head.framing != Framing::kNone) return std::nullopt;
  Step step = AppendWholeBody();
  if (step == Step::kGoOn) {
    const std::optional<IoResult> flushed = sink_.TryFlush();
    appended_ = !flushed.has_value();
    if (appended_) return std::nullopt;
    step = Flushed(*flushed);
  }
  if (step == Step::kStop) CutAnswer();
  return step;
}

Http1Attempt::Step Http1Attempt::AppendWholeBody() {
  BodyReader reader(*connection_.stream, connection_.buffer);
  reader.Start(connection_.head.framing, connection_.head.content_length);
  if (!reader.done()) {
    const BodyPiece piece = reader.TryNext();
    outcome_.response_bytes += piece.data.size();
    if (!sink_.Append(piece.data)) return Fail(Reason::kUpstreamProtocol, "answer is too long");
  }
  if (!sink_.Finish(reader.trailers()))
    return Fail(Reason::kUpstreamProtocol, "answer is too short");
  return Step::kGoOn;
}

boost::asio::awaitable<Http1Attempt::Step> Http1Attempt::RelayBody() {
  BodyReader reader(*connection_.stream, connection_.buffer);
  reader.Start(connection_.head.framing, connection_.head.content_length);
  FairShare share;
  Deadline idle;
  for (;;) {
    const BodyPiece piece = reader.TryNext();
    switch (piece.kind) {
      case BodyPiece::Kind::kData:
        outcome_.response_bytes += piece.data.size();
        if (!sink_.Append(piece.data))
          co_return Fail(Reason::kUpstreamProtocol, "answer is too long");
        if (sink_.pending() >= kFlushBytes && co_await FlushToClient() == Step::kStop) {
          co_return Step::kStop;
        }
        if (share.Relay(piece.data.size())) co_await Yield(loop_);
        break;
      case BodyPiece::Kind::kEnd:
        if (!sink_.Finish(reader.trailers())) {
          co_return Fail(Reason::kUpstreamProtocol, "answer is too short");
        }
        co_return co_await FlushToClient();
      case BodyPiece::Kind::kWant:
        if (sink_.pending() > 0 && co_await FlushToClient() == Step::kStop) co_return Step::kStop;
        idle = Until(timeouts_.idle);
        if (co_await WaitUpstream(piece.io.kind, &idle) == Step::kStop) co_return Step::kStop;
        break;
      default: co_return FailBody(piece);
    }
  }
}

boost::asio::awaitable<void> Http1Attempt::StopUpload() {
  if (DiscardUpload()) connection_.stream->Cancel();
  co_await AwaitUpload();
}

// Failures ----------------------------------------------------------------------------------------

Http1Attempt::Step Http1Attempt::FailRead(const IoResult& result) {
  if (result.kind == Kind::kCancelled && upload_ != nullptr &&
      upload_->reason() != Reason::kAllowed) {
    return Fail(upload_->reason(), "request body");
  }
  if (result.kind == Kind::kCancelled && !sink_.ClientIsThere()) return FailGone();
  connection_ended_ = true;
  SSL* const ssl = connection_.stream->ssl();
  if (ssl != nullptr && !got_bytes_ && !lease_.reused()) {
    // TLS 1.3: the server refuses our certificate only after our side of the handshake is over.
    const unsigned long error = write_failed_ ? ClientTlsContext::LastAlert(ssl) : result.tls_error;
    if (error != 0) {
      const Reason reason = ClientTlsContext::Failed(error, &connection_.tls);
      return Fail(reason, connection_.tls.failure);
    }
  }
  return Fail(Reason::kUpstreamReset, result.ToString());
}

Http1Attempt::Step Http1Attempt::FailBody(const BodyPiece& piece) {
  if (piece.kind != BodyPiece::Kind::kIo) {
    return Fail(Reason::kUpstreamProtocol, "answer's body is malformed");
  }
  return FailRead(piece.io);
}

}  // namespace sallyport::dataplane
