#include "dataplane/http2/session.h"

#include <algorithm>

#include "dataplane/http2/callbacks.h"

namespace sallyport::dataplane {
namespace {

// A client that was told of the end has this long to hear of it.
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr size_t kMostAnswerHead = 256 * 1024;
constexpr size_t kMostDetail = 200;
// So much of a head that is too large is decoded, to be able to answer it.
constexpr size_t kTooLargeTimes = 4;
// nghttp2's own bound is behind ours.
constexpr uint64_t kNoBound = 1'000'000'000;

using Options = std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)>;

Options MakeOptions() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) made = nullptr;
  Options options(made, &nghttp2_option_del);
  if (made == nullptr) return options;
  nghttp2_option_set_no_auto_window_update(made, 1);
  nghttp2_option_set_no_http_messaging(made, 1);  // request_fields.h is stricter
  nghttp2_option_set_max_send_header_block_length(made, kMostAnswerHead);
  nghttp2_option_set_stream_reset_rate_limit(made, kNoBound, kNoBound);
  return options;
}

}  // namespace

absl::string_view Http2ErrorName(uint32_t code) {
  static constexpr absl::string_view kNames[] = {
      "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT",
      "STREAM_CLOSED", "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR",
      "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"};
  return code < std::size(kNames) ? kNames[code] : "other";
}

Http2Session::Http2Session(const Http2Settings& settings, Loop& loop, Http2Events& events)
    : settings_(settings), loop_(loop), events_(events), budget_(settings.max_concurrent_streams) {}

Http2Session::~Http2Session() { nghttp2_session_del(session_); }

std::unique_ptr<Http2Session> Http2Session::Create(const Http2Settings& settings, Loop& loop,
                                                   Http2Events& events) {
  std::unique_ptr<Http2Session> session(new Http2Session(settings, loop, events));
  if (!session->Start()) return nullptr;
  return session;
}

bool Http2Session::Start() {
  static const Http2Callbacks::Table callbacks = Http2Callbacks::Make();
  static const Options options = MakeOptions();
  if (callbacks == nullptr || options == nullptr ||
      nghttp2_session_server_new2(&session_, callbacks.get(), this, options.get()) != 0) {
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
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, announced, std::size(announced)) == 0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               static_cast<int32_t>(settings_.connection_window)) == 0;
}

bool Http2Session::done() const {
  return aborted_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

Http2Stream* Http2Session::Find(int32_t id) const {
  return static_cast<Http2Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Session::SetDetail(absl::string_view text) {
  if (failure_.empty()) detail_ = std::string(text.substr(0, kMostDetail));
}

// Ends ---------------------------------------------------------------------------------------------------

void Http2Session::Fail(absl::string_view failure, uint32_t code) {
  if (!failure_.empty()) return;
  failure_ = failure;
  nghttp2_session_terminate_session(session_, code);
  Work();
}

void Http2Session::FailLibrary(int error) {
  SetDetail(nghttp2_strerror(error));
  switch (error) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: return Fail("bad_preface", NGHTTP2_PROTOCOL_ERROR);
    case NGHTTP2_ERR_FLOODED: return Fail("outbound_flood", NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return Fail("continuation_flood", NGHTTP2_ENHANCE_YOUR_CALM);
    default: return Fail("internal", NGHTTP2_INTERNAL_ERROR);
  }
}

void Http2Session::WindUp(bool at_once) {
  if (last_named_ || aborted_) return;
  if (at_once) {
    last_named_ = true;
    grace_ = Deadline::Never();
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
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
  while (!open_.empty()) Closed(open_.back(), open_.back()->id_);
}

void Http2Session::Sweep() {
  if (loop_.Passed(grace_)) WindUp(/*at_once=*/true);
  if (loop_.Passed(head_deadline_)) Fail("slow_head", NGHTTP2_ENHANCE_YOUR_CALM);
  const int64_t patience = absl::ToInt64Milliseconds(settings_.write_idle);
  for (Http2Stream* const stream : open_) {
    if (stream->unsent() > 0 && stream->submitted_ && loop_.NowMillis() - stream->stalled_since_ >= patience) {
      Reset(stream, NGHTTP2_CANCEL);
    }
  }
}

// What comes ---------------------------------------------------------------------------------------------

bool Http2Session::Feed(absl::string_view bytes) {
  while (!bytes.empty()) {
    const FrameCutter::Cut cut = cutter_.Next(bytes);
    if (cut.begins && !Admit(cut.head)) return false;
    const ssize_t taken =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), cut.bytes);
    if (taken < 0) FailLibrary(static_cast<int>(taken));
    if (!failure_.empty()) return false;
    bytes.remove_prefix(cut.bytes);
  }
  // Acknowledgements, updates of windows, errors.
  if (nghttp2_session_want_write(session_) != 0 || done()) Work();
  return true;
}

bool Http2Session::Spend(Nuisance kind) {
  if (budget_.Spend(kind, loop_.NowMillis())) return true;
  Fail(NuisanceName(kind), NGHTTP2_ENHANCE_YOUR_CALM);
  return false;
}

// False: the connection ends here. Its rules beyond this are nghttp2's.
bool Http2Session::Admit(const FrameHead& frame) {
  switch (static_cast<FrameType>(frame.type)) {
    case FrameType::kData:
      if (frame.length == 0 && !frame.has(FrameHead::kEndStream) && !Spend(Nuisance::kEmptyData)) return false;
      return AdmitOnClosed(frame);
    case FrameType::kHeaders:
      budget_.GotRequest();
      return AdmitOnClosed(frame);
    case FrameType::kPriority: return Spend(Nuisance::kPriority);
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

// RFC 9113 5.1, "closed". nghttp2 does not keep streams that are.
bool Http2Session::AdmitOnClosed(const FrameHead& frame) {
  if (past_.empty()) return true;
  const auto id = static_cast<int32_t>(frame.stream);
  const Past& past = past_[static_cast<size_t>(id >> 1) % kRemembered];
  if (past.id != id) return true;
  if (past.how == Ended::kWhole) {
    Fail("stream_closed", NGHTTP2_STREAM_CLOSED);
    return false;
  }
  if (past.how == Ended::kByClient) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_STREAM_CLOSED);
  }
  return true;
}

void Http2Session::Open(Http2Stream* stream) {
  stream->open_at_ = open_.size();
  open_.push_back(stream);
  nghttp2_session_set_stream_user_data(session_, stream->id_, stream);
}

void Http2Session::BeginHead(const nghttp2_frame& frame) {
  block_bytes_ = 0;
  head_deadline_ = loop_.After(settings_.head_time);
  if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) {
    Http2Stream* const stream = Find(frame.hd.stream_id);
    if (stream != nullptr) stream->fields_.Start(RequestFields::Section::kTrailers, &stream->trailer_bytes_);
    return;
  }
  Http2Stream* const stream = events_.OnBegin();
  if (stream == nullptr) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, frame.hd.stream_id, NGHTTP2_REFUSED_STREAM);
    return;
  }
  stream->Begin(this, frame.hd.stream_id);
  Open(stream);
}

int Http2Session::Field(Http2Stream* stream, absl::string_view name, absl::string_view value) {
  block_bytes_ += name.size() + value.size() + 32;
  if (block_bytes_ > kTooLargeTimes * settings_.head.max_head_bytes) {
    Fail("header_bomb", NGHTTP2_ENHANCE_YOUR_CALM);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // the rest is not decoded for us
  }
  if (stream != nullptr) stream->fields_.Add(name, value, settings_.head);
  return 0;
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
      if ((frame.hd.flags & NGHTTP2_FLAG_ACK) != 0 && winding_up_) WindUp(/*at_once=*/true);
      return;
    default: return;
  }
}

void Http2Session::EndHead(Http2Stream* stream, bool end_stream) {
  stream->head_done_ = true;
  stream->remote_ended_ = end_stream;
  stream->verdict = stream->fields_.Finish(end_stream, settings_.head, &stream->head);
  if (stream->verdict.kind == HeadVerdict::Kind::kMalformed) Fault(stream);
  events_.OnRequest(stream);
}

void Http2Session::EndTrailers(Http2Stream* stream, bool end_stream) {
  const HeadVerdict verdict = stream->fields_.FinishTrailers(&stream->trailers_);
  if (!end_stream || verdict.kind != HeadVerdict::Kind::kFine) return Fault(stream);  // RFC 9113 8.1
  RemoteEnd(stream);
}

void Http2Session::EndFrame(Http2Stream* stream, const nghttp2_frame_hd& frame) {
  const bool end_stream = (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  const bool only_padding = frame.length > 0 && stream->in_frame_ == 0;
  stream->in_frame_ = 0;
  if (end_stream) return RemoteEnd(stream);
  if (only_padding) (void)Spend(Nuisance::kEmptyData);
}

void Http2Session::Data(Http2Stream* stream, absl::string_view data) {
  if (stream == nullptr) {  // it was refused
    nghttp2_session_consume_connection(session_, data.size());
    return;
  }
  stream->in_frame_ += data.size();
  stream->not_returned_ += data.size();
  stream->received_ += data.size();
  if (stream->faulty_ || stream->closed_) return;
  if (stream->head.framing != Framing::kChunked && stream->received_ > stream->head.content_length) {
    return Fault(stream);
  }
  stream->in_.append(data.data(), data.size());
  stream->readable_.Set();
}

void Http2Session::RemoteEnd(Http2Stream* stream) {
  if (stream->faulty_) return;
  if (stream->head.framing == Framing::kLength && stream->received_ != stream->head.content_length) {
    return Fault(stream);
  }
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

void Http2Session::Closed(Http2Stream* stream, int32_t id) {
  if (stream == nullptr || stream->closed_) return;
  if (past_.empty()) past_.resize(kRemembered);
  const bool whole = stream->end_sent_ && stream->remote_ended_;
  past_[static_cast<size_t>(id >> 1) % kRemembered] = {
      id, whole ? Ended::kWhole : stream->reset_by_client_ ? Ended::kByClient : Ended::kByUs};
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

// What goes ----------------------------------------------------------------------------------------------

void Http2Session::Submit(Http2Stream* stream) {
  nghttp2_data_provider body;
  body.source.ptr = stream;
  body.read_callback = Http2Callbacks::OnRead;
  const bool none = !stream->has_body_ ||
                    (stream->ended_ && stream->unsent() == 0 && stream->answer_trailers_.empty());
  stream->credit_ = kTurnBytes;
  if (nghttp2_submit_response(session_, stream->id_, stream->answer_.data(), stream->answer_.size(),
                              none ? nullptr : &body) != 0) {
    Reset(stream, NGHTTP2_INTERNAL_ERROR);
  }
  Work();
}

void Http2Session::SubmitInterim(Http2Stream* stream, const AnswerHead& answer) {
  AnswerFields fields;
  fields.Head(answer);
  std::vector<nghttp2_nv> copied(fields.data(), fields.data() + fields.size());
  for (nghttp2_nv& field : copied) field.flags = NGHTTP2_NV_FLAG_NONE;
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream->id_, nullptr, copied.data(), copied.size(),
                         nullptr);
}

void Http2Session::Resume(Http2Stream* stream) {
  stream->deferred_ = false;
  if (!stream->queued_) turns_.push_back(stream->id_);
  stream->queued_ = true;
  Work();
}

void Http2Session::Reset(Http2Stream* stream, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, code);
  Work();
}

void Http2Session::ReturnWindow(Http2Stream* stream, size_t bytes) {
  stream->not_returned_ -= bytes;
  nghttp2_session_consume(session_, stream->id_, bytes);
  if (nghttp2_session_want_write(session_) != 0) Work();
}

void Http2Session::Pump(std::string* out, size_t most) {
  out_ = out;
  most_ = most;
  while (out->size() < most) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
    if (count > 0) {
      out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
      continue;
    }
    if (count < 0) {
      if (failure_.empty()) failure_ = "internal";
      aborted_ = true;
      break;
    }
    if (turns_.empty() || out->size() >= most) break;
    Http2Stream* const stream = Find(turns_.front());
    turns_.pop_front();
    if (stream == nullptr || stream->closed_) continue;
    stream->queued_ = false;
    stream->credit_ = kTurnBytes;
    nghttp2_session_resume_data(session_, stream->id_);
  }
  out_ = nullptr;
}

ssize_t Http2Session::Read(Http2Stream* stream, size_t most, uint32_t* flags) {
  const size_t there = stream->unsent();
  if (there == 0 && !stream->ended_) {
    stream->deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  if (there > 0 && stream->credit_ == 0) {  // it has had its turn
    Resume(stream);
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t count = std::min({most, there, stream->credit_});
  stream->credit_ -= count;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count < there || !stream->ended_) return static_cast<ssize_t>(count);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  if (!stream->answer_trailers_.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session_, stream->id_, stream->answer_trailers_.data(),
                           stream->answer_trailers_.size());
  }
  return static_cast<ssize_t>(count);
}

int Http2Session::Send(Http2Stream* stream, const uint8_t* frame_head, size_t size) {
  constexpr size_t kHeadBytes = 9;
  constexpr size_t kCompact = 32 * 1024;
  if (out_ == nullptr || out_->size() >= most_) return NGHTTP2_ERR_WOULDBLOCK;
  out_->append(reinterpret_cast<const char*>(frame_head), kHeadBytes);
  out_->append(stream->out_, stream->out_at_, size);
  stream->out_at_ += size;
  Forget(size);
  if (stream->out_at_ >= kCompact || stream->unsent() == 0) {
    stream->out_.erase(0, stream->out_at_);
    stream->out_at_ = 0;
  }
  stream->stalled_since_ = loop_.NowMillis();
  stream->writable_.Set();
  budget_.SentData();
  return 0;
}

void Http2Session::FrameSent(const nghttp2_frame& frame) {
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return;
      Http2Stream* const stream = Find(frame.hd.stream_id);
      if (stream == nullptr) return;
      stream->end_sent_ = true;
      // RFC 9113 8.1: the rest of the request is not wanted.
      if (!stream->remote_ended_) Reset(stream, NGHTTP2_NO_ERROR);
      return;
    }
    case NGHTTP2_RST_STREAM: {
      const uint32_t code = frame.rst_stream.error_code;
      events_.OnReset(/*by_client=*/false, code);
      if (code == NGHTTP2_REFUSED_STREAM) (void)Spend(Nuisance::kReset);
      if (code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_STREAM_CLOSED ||
          code == NGHTTP2_FLOW_CONTROL_ERROR || code == NGHTTP2_FRAME_SIZE_ERROR) {
        (void)Spend(Nuisance::kFault);
      }
      return;
    }
    case NGHTTP2_GOAWAY:
      if (frame.goaway.error_code != NGHTTP2_NO_ERROR && failure_.empty()) {
        failure_ = Http2ErrorName(frame.goaway.error_code);
      }
      return;
    default: return;
  }
}

void Http2Session::NotSent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  Http2Stream* const stream = Find(frame.hd.stream_id);
  if (stream != nullptr && !stream->closed_) Reset(stream, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace sallyport::dataplane
