#include "dataplane/http2/session.h"

#include <algorithm>

#include "dataplane/http2/callbacks.h"
#include "dataplane/http2/memory.h"

namespace sallyport::dataplane {
namespace {

// A client that was told of the end has this long to hear of it.
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr size_t kMostAnswerHead = 256 * 1024;
// nghttp2's own bound is behind ours.
constexpr uint64_t kNoBound = 1'000'000'000;

Http2Options MakeServerOptions() {
  Http2Options options = MakeHttp2Options(kMostAnswerHead);
  if (options != nullptr)
    nghttp2_option_set_stream_reset_rate_limit(options.get(), kNoBound, kNoBound);
  return options;
}

}  // namespace

Http2Session::Http2Session(const Http2Settings& settings, Loop& loop, Http2Events& events)
    : Http2Peer(loop, events, settings.max_concurrent_streams, settings.frame_bytes,
                FrameCutter::kPrefaceBytes),
      settings_(settings),
      events_(events) {}

std::unique_ptr<Http2Session> Http2Session::Create(const Http2Settings& settings, Loop& loop,
                                                   Http2Events& events) {
  std::unique_ptr<Http2Session> session(new Http2Session(settings, loop, events));
  if (!session->Start()) return nullptr;
  return session;
}

bool Http2Session::Start() {
  static const auto callbacks = Http2Calls<Http2Session>::Make();
  static const Http2Options options = MakeServerOptions();
  if (callbacks == nullptr || options == nullptr ||
      nghttp2_session_server_new3(&session_, callbacks.get(), this, options.get(), Http2Memory()) !=
          0) {
    return false;
  }
  const auto head_bytes = static_cast<uint32_t>(settings_.head.max_head_bytes);
  const nghttp2_settings_entry announced[] = {
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.max_concurrent_streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, head_bytes},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings_.frame_bytes},
      // Answers take turns; what a client says of priorities is not looked at.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  };
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, announced, std::size(announced)) ==
             0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               static_cast<int32_t>(settings_.connection_window)) ==
             0;
}

bool Http2Session::turn_possible() const {
  return !turns_.empty() && nghttp2_session_get_remote_window_size(session_) > 0;
}

Http2Stream* Http2Session::Find(int32_t id) const {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

// Ends --------------------------------------------------------------------------------------------

void Http2Session::WindUp(bool at_once) {
  if (last_named_ || aborted_) return;
  if (at_once) {
    last_named_ = true;
    grace_ = Deadline::Never();
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                          nullptr, 0);
  } else if (!winding_up_) {
    grace_ = loop_.After(kGrace);
    nghttp2_submit_shutdown_notice(session_);
    nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  }
  winding_up_ = true;
  Work();
}

void Http2Session::Abort() {
  aborted_ = true;
  while (!open_.empty()) Close(open_.back());
}

void Http2Session::Sweep() {
  if (loop_.Passed(grace_)) WindUp(/*at_once=*/true);
  if (loop_.Passed(stop_by_)) ResetAsked();
  FailSlowHead();
  const int64_t patience = absl::ToInt64Milliseconds(settings_.write_idle);
  for (Http2Stream* const stream : open_) {
    const bool waits = stream->unsent() > 0 && stream->submitted_ && !stream->gone_;
    if (waits && loop_.NowMillis() - stream->stalled_since_ >= patience) {
      Reset(stream, NGHTTP2_CANCEL);
    }
  }
}

// What comes --------------------------------------------------------------------------------------

bool Http2Session::Feed(absl::string_view bytes) {
  if (!FeedFrames(bytes, [this](const FrameHead& frame) { return Admit(frame); })) return false;
  // Acknowledgements, updates of windows, errors.
  if (wants_write() || turn_possible() || done()) Work();
  return true;
}

// False: the connection ends here. Its rules beyond this are nghttp2's.
bool Http2Session::Admit(const FrameHead& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kData:
      if (frame.length == 0 && !frame.has(FrameHead::kEndStream) && !Spend(Nuisance::kEmptyData))
        return false;
      return AdmitOnClosed(frame);
    case FrameType::kHeaders: budget_.GotRequest(); return AdmitOnClosed(frame);
    case FrameType::kPriority:
      if (frame.stream == 0) {
        Fail("PROTOCOL_ERROR", NGHTTP2_PROTOCOL_ERROR);
        return false;
      }
      return Spend(Nuisance::kPriority);
    case FrameType::kRstStream: return Spend(Nuisance::kReset);
    case FrameType::kSettings: return frame.has(FrameHead::kAck) || Spend(Nuisance::kSettings);
    case FrameType::kPing: return Spend(Nuisance::kPing);
    case FrameType::kWindowUpdate: return Spend(Nuisance::kWindowUpdate);
    case FrameType::kPushPromise:
    case FrameType::kContinuation: return true;
    case FrameType::kGoaway: break;
  }
  return Spend(Nuisance::kUnknownFrame);
}

// RFC 9113 5.1, "closed", and 5.1.1. nghttp2 does not keep streams that are closed.
bool Http2Session::AdmitOnClosed(const FrameHead& frame) {
  const auto id = static_cast<int32_t>(frame.stream);
  if (id > highest_ || id % 2 == 0 || Find(id) != nullptr) return true;
  switch (HowEnded(id)) {
    case Ended::kByUs: return true;  // under way when it was reset
    case Ended::kByClient:
      nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
      Remember(id, Ended::kByUs);  // said once
      return true;
    case Ended::kWhole: Fail("STREAM_CLOSED", NGHTTP2_STREAM_CLOSED); break;
    case Ended::kUnknown: Fail("PROTOCOL_ERROR", NGHTTP2_PROTOCOL_ERROR); break;  // never begun
  }
  return false;
}

Http2Session::Ended Http2Session::HowEnded(int32_t id) const {
  if (past_.empty()) return Ended::kUnknown;
  const Past& past = past_[static_cast<size_t>(id >> 1) % kRemembered];
  return past.id == id ? past.how : Ended::kUnknown;
}

void Http2Session::Remember(int32_t id, Ended how) {
  if (past_.empty()) past_.resize(kRemembered);
  past_[static_cast<size_t>(id >> 1) % kRemembered] = {id, how};
}

void Http2Session::Open(Http2Stream* stream) {
  stream->open_at_ = open_.size();
  open_.push_back(stream);
  nghttp2_session_set_stream_user_data(session_, stream->id_, stream);
}

void Http2Session::BeginHead(const nghttp2_frame& frame) {
  BeginBlock(settings_.head_time);
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    Http2Stream* const stream = Find(frame.hd.stream_id);
    if (stream != nullptr)
      stream->fields_.Start(RequestFields::Section::kTrailers, &stream->trailer_bytes_);
    return;
  }
  highest_ = std::max(highest_, frame.hd.stream_id);
  Http2Stream* const stream = events_.OnBegin();
  if (stream == nullptr) {
    Remember(frame.hd.stream_id, Ended::kByUs);
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                              NGHTTP2_REFUSED_STREAM);
    return;
  }
  stream->Begin(this, frame.hd.stream_id);
  Open(stream);
}

bool Http2Session::Field(int32_t id, absl::string_view name, absl::string_view value) {
  if (!CountField(name, value, settings_.head.max_head_bytes)) return false;
  Http2Stream* const stream = Find(id);
  if (stream != nullptr) stream->fields_.Add(name, value, settings_.head);
  return true;
}

void Http2Session::FrameReceived(const nghttp2_frame& frame) {
  const bool end_stream = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS: {
      head_deadline_ = Deadline::Never();
      Http2Stream* const stream = Find(frame.hd.stream_id);
      if (stream == nullptr) return;
      return stream->head_done_ ? EndTrailers(stream, end_stream) : EndHead(stream, end_stream);
    }
    case NGHTTP2_DATA: {
      Http2Stream* const stream = Find(frame.hd.stream_id);
      return stream == nullptr ? void() : EndFrame(stream, frame.hd);
    }
    case NGHTTP2_RST_STREAM: {
      events_.OnReset(/*by_client=*/true, frame.rst_stream.error_code);
      Http2Stream* const stream = Find(frame.hd.stream_id);
      if (stream != nullptr) stream->reset_by_client_ = true;
      return;
    }
    case NGHTTP2_PING:
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) == 0) return;
      if (IsStopPing(frame)) return ResetAsked();
      if (winding_up_) WindUp(/*at_once=*/true);
      return;
    default: return;
  }
}

void Http2Session::EndHead(Http2Stream* stream, bool end_stream) {
  stream->head_done_ = true;
  stream->remote_ended_ = end_stream;
  stream->verdict = stream->fields_.Finish(end_stream, settings_.head, &stream->head);
  if (!end_stream && stream->fields_.said_length()) stream->said_ = stream->head.content_length;
  if (stream->verdict.kind == HeadVerdict::Kind::kMalformed) Fault(stream);
  events_.OnRequest(stream);
}

void Http2Session::EndTrailers(Http2Stream* stream, bool end_stream) {
  const HeadVerdict verdict = stream->fields_.FinishTrailers(&stream->trailers_);
  if (!end_stream || verdict.kind != HeadVerdict::Kind::kFine)
    return Fault(stream);  // RFC 9113 8.1
  RemoteEnd(stream);
}

void Http2Session::EndFrame(Http2Stream* stream, const nghttp2_frame_hd& frame) {
  const bool end_stream = (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool only_padding = frame.length > 0 && stream->in_frame_ == 0;
  stream->in_frame_ = 0;
  if (end_stream) return RemoteEnd(stream);
  if (only_padding) (void)Spend(Nuisance::kEmptyData);
}

void Http2Session::Data(int32_t id, absl::string_view data) {
  Http2Stream* const stream = Find(id);
  if (stream == nullptr) {  // it was refused
    nghttp2_session_consume_connection(session_, data.size());
    return;
  }
  stream->in_frame_ += data.size();
  stream->received_ += data.size();
  if (stream->end_sent_ && !stream->closed_) {  // nobody reads it: others are not to wait for it
    stream->dropped_ = stream->dropped_ || !data.empty();
    nghttp2_session_consume_connection(session_, data.size());
    return;
  }
  stream->not_returned_ += data.size();
  if (stream->faulty_ || stream->closed_) return;
  if (stream->received_ > stream->said_) return Fault(stream);  // "not said" is more than any
  stream->in_.append(data.data(), data.size());
  stream->readable_.Set();
}

void Http2Session::RemoteEnd(Http2Stream* stream) {
  if (stream->faulty_) return;
  if (stream->said_ != Http2Stream::kNotSaid && stream->received_ != stream->said_)
    return Fault(stream);
  stream->remote_ended_ = true;
  stream->readable_.Set();
}

// RFC 9113 8.1.1: malformed.
void Http2Session::Fault(Http2Stream* stream) {
  stream->faulty_ = true;
  stream->remote_ended_ = false;
  stream->readable_.Set();
  Reset(stream, NGHTTP2_PROTOCOL_ERROR);
}

void Http2Session::Closed(int32_t id, uint32_t /*code*/) {
  Http2Stream* const stream = Find(id);
  if (stream != nullptr && !stream->closed_) Close(stream);
}

void Http2Session::Close(Http2Stream* stream) {
  const bool whole = stream->end_sent_ && stream->remote_ended_;
  Remember(stream->id_, whole                      ? Ended::kWhole
                        : stream->reset_by_client_ ? Ended::kByClient
                                                   : Ended::kByUs);
  if (!aborted_ && stream->not_returned_ > 0) {
    nghttp2_session_consume_connection(session_, stream->not_returned_);
  }
  Http2Stream* const last = open_.back();
  open_[stream->open_at_] = last;
  last->open_at_ = stream->open_at_;
  open_.pop_back();
  stream->open_at_ = Http2Stream::kNotOpen;
  stream->Close(/*gone=*/!stream->end_sent_);
  events_.OnClosed(stream);
}

}  // namespace sallyport::dataplane
