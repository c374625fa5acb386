// What comes from an upstream: its frames judged, its answers put together.
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/http2/client_session.h"
#include "dataplane/http2/error_name.h"
#include "shared/base/text.h"

namespace sallyport::dataplane {
namespace {

using EndOf = Http2End::Kind;

constexpr size_t kMostInterimAnswers = 16;
constexpr size_t kMostGoawayText = 100;

}  // namespace

bool Http2ClientSession::Feed(absl::string_view bytes) {
  if (std::exchange(first_bytes_, false) && absl::StartsWith(bytes, "HTTP/1.")) {
    Fail("http1", NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  Heard();
  if (!FeedFrames(bytes, [this](const FrameHead& frame) { return Admit(frame); })) return false;
  // Acknowledgements, updates of windows, errors.
  if (wants_write() || done()) Work();
  return true;
}

// False: the connection ends here. Its rules beyond this are nghttp2's.
bool Http2ClientSession::Admit(const FrameHead& frame) {
  const bool known = Find(static_cast<int32_t>(frame.stream)) != nullptr;
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kData:
      if (frame.length == 0 && !frame.has(FrameHead::kEndStream) && !Spend(Nuisance::kEmptyData))
        return false;
      return known || AdmitStray(frame);
    case FrameType::kHeaders: return known || SpendStray(&stray_heads_, Nuisance::kUnknownFrame);
    case FrameType::kPriority: return Spend(Nuisance::kPriority);
    case FrameType::kRstStream: return known || SpendStray(&stray_resets_, Nuisance::kReset);
    case FrameType::kSettings: return frame.has(FrameHead::kAck) || Spend(Nuisance::kSettings);
    case FrameType::kPing:
      return frame.has(FrameHead::kAck) ? Spend(Nuisance::kUnknownFrame) : Spend(Nuisance::kPing);
    case FrameType::kWindowUpdate: return Spend(Nuisance::kWindowUpdate);
    case FrameType::kPushPromise:
      // RFC 9113 8.4. Our SETTINGS go before any request: they forbid it, acknowledged or not.
      Fail("PROTOCOL_ERROR", NGHTTP2_PROTOCOL_ERROR);
      return false;
    case FrameType::kContinuation: return true;
    case FrameType::kGoaway: break;
  }
  return Spend(Nuisance::kUnknownFrame);
}

// On a stream that is over for us: what may have been under way, and beyond that a nuisance.
bool Http2ClientSession::SpendStray(uint32_t* allowed, Nuisance kind) {
  if (*allowed == 0) return Spend(kind);
  --*allowed;
  return true;
}

// DATA on streams that were given up: no more than their windows allowed. Of those that never were
// (RFC 9113 5.1, 6.1) nghttp2 says what is wrong.
bool Http2ClientSession::AdmitStray(const FrameHead& frame) {
  const auto next = static_cast<uint32_t>(nghttp2_session_get_next_stream_id(session_));
  if (frame.stream == 0 || frame.stream % 2 == 0 || frame.stream >= next) return true;
  if (frame.length > stray_bytes_) {
    Fail("stray_data", NGHTTP2_STREAM_CLOSED);
    return false;
  }
  stray_bytes_ -= frame.length;
  return true;
}

void Http2ClientSession::BeginHead(const nghttp2_frame& frame) {
  BeginBlock(settings_.head_time);
  Http2ClientStream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr) return;
  if (stream->final_came_) {
    stream->fields_.Start(ResponseFields::Section::kTrailers, &stream->trailer_bytes_);
    return;
  }
  stream->in_head_ = true;
  stream->heads_.push_back(std::make_unique<ResponseHead>());
  stream->fields_.Start(ResponseFields::Section::kHead, &stream->heads_.back()->bytes);
}

bool Http2ClientSession::Field(int32_t id, absl::string_view name, absl::string_view value) {
  if (!CountField(name, value, settings_.head.max_head_bytes)) return false;
  Http2ClientStream* const stream = Find(id);
  if (stream != nullptr) stream->fields_.Add(name, value, settings_.head);
  return true;
}

void Http2ClientSession::FrameReceived(const nghttp2_frame& frame) {
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool ack = (frame.hd.flags & NGHTTP2_FLAG_ACK) != 0;
  Http2ClientStream* const stream = Find(frame.hd.stream_id);
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      head_deadline_ = Deadline::Never();
      next_ping_ = Deadline::AtMillis(0);
      if (stream == nullptr) return;
      return stream->final_came_ ? EndTrailers(stream, end_stream) : EndHead(stream, end_stream);
    case NGHTTP2_DATA:
      next_ping_ = Deadline::AtMillis(0);
      return stream == nullptr ? void() : EndFrame(stream, frame.hd);
    case NGHTTP2_SETTINGS:
      if (!ack) settled_ = true;
      return;
    case NGHTTP2_PING:
      if (ack) pong_by_ = Deadline::Never();
      return;
    case NGHTTP2_GOAWAY: {
      const absl::string_view text(reinterpret_cast<const char*>(frame.goaway.opaque_data),
                                   std::min(frame.goaway.opaque_data_len, kMostGoawayText));
      goaway_ = absl::StrCat("GOAWAY ", Http2ErrorName(frame.goaway.error_code));
      if (!text.empty()) absl::StrAppend(&goaway_, " ", base::JsonQuote(text));
      return;
    }
    default: return;
  }
}

void Http2ClientSession::EndHead(Http2ClientStream* stream, bool end_stream) {
  ResponseHead& head = *stream->heads_.back();
  stream->in_head_ = false;
  stream->some_came_ = true;
  const char* const bad = stream->fields_.Finish(end_stream, stream->to_head_, &head);
  if (bad != nullptr) {
    stream->heads_.pop_back();
    return Fault(stream, bad);
  }
  if (head.informational()) {
    if (++stream->interim_ > kMostInterimAnswers) return Fault(stream, "too many interim answers");
    return stream->readable_.Set();
  }
  stream->final_came_ = true;
  if (head.framing == Framing::kNone) stream->said_ = 0;
  if (head.framing == Framing::kLength) stream->said_ = head.content_length;
  if (end_stream) return RemoteEnd(stream);
  stream->readable_.Set();
}

void Http2ClientSession::EndTrailers(Http2ClientStream* stream, bool end_stream) {
  const char* const bad = stream->fields_.FinishTrailers(&stream->trailers_);
  if (bad != nullptr) return Fault(stream, bad);
  if (!end_stream) return Fault(stream, "trailers that do not end the stream");  // RFC 9113 8.1
  RemoteEnd(stream);
}

void Http2ClientSession::EndFrame(Http2ClientStream* stream, const nghttp2_frame_hd& frame) {
  const bool end_stream = (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool only_padding = frame.length > 0 && stream->in_frame_ == 0;
  stream->in_frame_ = 0;
  if (end_stream) {
    if (!stream->final_came_) return Fault(stream, "no answer before the end of the stream");
    return RemoteEnd(stream);
  }
  if (only_padding) (void)Spend(Nuisance::kEmptyData);
}

// The connection's window is given back at once: a client that is slow to take its answer holds up
// nobody else's. What waits is bounded by the windows of the streams.
void Http2ClientSession::Data(int32_t id, absl::string_view data) {
  Http2ClientStream* const stream = Find(id);
  nghttp2_session_consume_connection(session_, data.size());
  if (stream == nullptr || stream->end_.kind != EndOf::kOpen) return;
  stream->in_frame_ += data.size();
  stream->received_ += data.size();
  if (!stream->final_came_) return Fault(stream, "data before the answer's head");
  if (stream->received_ > stream->said_) {  // "not said" is more than any
    return Fault(stream, stream->said_ == 0 ? "data where there is no body"
                                            : "body longer than Content-Length");
  }
  stream->in_.append(data.data(), data.size());
  stream->readable_.Set();
}

void Http2ClientSession::RemoteEnd(Http2ClientStream* stream) {
  if (stream->end_.kind == EndOf::kMalformed) return;
  if (stream->said_ != Http2ClientStream::kNotSaid && stream->received_ != stream->said_) {
    return Fault(stream, "body shorter than Content-Length");
  }
  stream->remote_ended_ = true;
  stream->End(EndOf::kWhole);
}

void Http2ClientSession::Closed(int32_t id, uint32_t code) {
  Http2ClientStream* const stream = Find(id);
  if (stream == nullptr) return;
  Remove(stream);
  const bool untouched = !stream->some_came_ && (code == NGHTTP2_REFUSED_STREAM || !stream->sent_);
  stream->End(untouched ? EndOf::kRefused : EndOf::kReset, code);
}

}  // namespace sallyport::dataplane
