#include "dataplane/http2/client_session.h"

#include <algorithm>
#include <limits>

#include "dataplane/http2/callbacks.h"
#include "dataplane/http2/memory.h"

namespace sallyport::dataplane {
namespace {

using EndKind = Http2End::Kind;

constexpr int32_t kAnswerConnectionWindow = 4 << 20;
constexpr size_t kMostRequestHead = 256 * 1024;
constexpr uint32_t kFrameBytes = 16 << 10;  // RFC 9113 6.5.2: no other one is announced
constexpr uint32_t kMostStray = 4;          // frames for each stream that may be open
constexpr uint32_t kFirstWindow = 65'535;   // until the upstream has our SETTINGS (RFC 9113 6.9.2)
// Longer silence before a request: the first thing that it asks is whether anybody is there.
constexpr absl::Duration kLongSilence = absl::Seconds(10);

}  // namespace

Http2ClientSession::Http2ClientSession(const Http2ClientSettings& settings, Loop& loop,
                                       Http2ClientEvents& events)
    : Http2Peer(loop, events, settings.max_concurrent_streams, kFrameBytes, /*preface_bytes=*/0),
      settings_(settings),
      cancels_(NuisanceBudget::ForCancels()) {}

Http2ClientSession::~Http2ClientSession() { Abort(); }

std::unique_ptr<Http2ClientSession> Http2ClientSession::Create(const Http2ClientSettings& settings,
                                                               Loop& loop,
                                                               Http2ClientEvents& events) {
  std::unique_ptr<Http2ClientSession> session(new Http2ClientSession(settings, loop, events));
  if (!session->Start()) return nullptr;
  return session;
}

bool Http2ClientSession::Start() {
  static const auto callbacks = Http2Calls<Http2ClientSession>::Make();
  static const Http2Options options = MakeHttp2Options(kMostRequestHead);
  if (callbacks == nullptr || options == nullptr ||
      nghttp2_session_client_new3(&session_, callbacks.get(), this, options.get(), Http2Memory()) !=
          0) {
    return false;
  }
  const nghttp2_settings_entry announced[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(settings_.head.max_head_bytes)},
  };
  return nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, announced, std::size(announced)) ==
             0 &&
         nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                               kAnswerConnectionWindow) == 0;
}

Http2ClientStream* Http2ClientSession::Find(int32_t id) const {
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : found->second;
}

size_t Http2ClientSession::limit() const {
  const uint32_t theirs =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return std::min(theirs, settings_.max_concurrent_streams);
}

bool Http2ClientSession::going_away() const {
  return aborted_ || exhausted_ || winding_up_ || worn_out_ || !failure_.empty() ||
         nghttp2_session_check_request_allowed(session_) == 0;
}

// Ends --------------------------------------------------------------------------------------------

void Http2ClientSession::WindUp() {
  if (aborted_ || winding_up_ || !failure_.empty()) return;
  winding_up_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, nullptr, 0);
  Work();
}

void Http2ClientSession::Abort() {
  aborted_ = true;
  while (!open_.empty()) {
    Http2ClientStream* const stream = open_.begin()->second;
    Remove(stream);
    stream->End(stream->sent_ ? EndKind::kConnection : EndKind::kRefused);
  }
}

void Http2ClientSession::Remove(Http2ClientStream* stream) {
  open_.erase(stream->id_);
  stream->id_ = 0;
  const uint32_t most = kMostStray * settings_.max_concurrent_streams;
  stray_resets_ = std::min(stray_resets_ + 1, most);
  if (stream->remote_ended_) return;
  stray_heads_ = std::min(stray_heads_ + 2, most);  // an answer's and its trailers
  stray_bytes_ += std::max(settings_.stream_window, kFirstWindow);
}

// Streams -----------------------------------------------------------------------------------------

bool Http2ClientSession::Fits(const OutgoingHead& head) const {
  const uint32_t most =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
  if (most == std::numeric_limits<uint32_t>::max()) return true;
  constexpr size_t kField = 32;   // that each counts beside its text
  constexpr size_t kOwn = 8;      // the four that each request has, and those of ours
  constexpr size_t kNames = 100;  // their names, and the values of ours
  size_t size = kOwn * kField + kNames + head.method.size() + head.scheme.size() +
                head.authority.size() + head.path.size();
  for (const HeaderField& field : head.fields)
    size += kField + field.name.size() + field.value.size();
  return size <= most;
}

bool Http2ClientSession::Request(const OutgoingHead& head, Http2ClientStream* stream) {
  if (going_away()) return false;
  nghttp2_data_provider body;
  body.source.ptr = nullptr;
  body.read_callback = Http2Calls<Http2ClientSession>::OnRead;
  FieldBlock fields;
  fields.Request(head);
  std::vector<nghttp2_nv> copied(fields.data(), fields.data() + fields.size());
  for (nghttp2_nv& field : copied)
    field.flags &= NGHTTP2_NV_FLAG_NO_INDEX;  // nghttp2 copies the text
  const int32_t id = nghttp2_submit_request(session_, nullptr, copied.data(), copied.size(),
                                            head.has_body ? &body : nullptr, nullptr);
  if (id < 0) {
    exhausted_ = true;
    return false;
  }
  stream->session_ = this;
  stream->id_ = id;
  stream->to_head_ = head.method == "HEAD";
  stream->out_ended_ = !head.has_body;
  stream->has_length_ = head.has_body && head.length.has_value();
  stream->left_ = head.length.value_or(0);
  const bool idle = open_.empty();
  open_[id] = stream;
  budget_.SentData();
  if (idle) {
    const bool long_silent =
        settled_ && loop_.Now() - heard_ >= kLongSilence && loop_.Passed(next_ping_);
    silent_by_ = loop_.After(settings_.ping_after);
    if (long_silent) SendPing();
  }
  Work();
  return true;
}

void Http2ClientSession::Resume(Http2ClientStream* stream) {
  stream->deferred_ = false;
  nghttp2_session_resume_data(session_, stream->id_);
  Work();
}

void Http2ClientSession::ReturnWindow(const Http2ClientStream* stream, size_t bytes) {
  nghttp2_session_consume_stream(session_, stream->id_, bytes);
  if (wants_write()) Work();
}

// It is not ours any more, whatever still comes on it.
void Http2ClientSession::Leave(Http2ClientStream* stream, uint32_t code) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, code);
  // An upstream may end a connection on which much is taken back (CVE-2023-44487), and with it what
  // others wait for.
  const bool taken_back = code == NGHTTP2_CANCEL && stream->sent_ && !stream->remote_ended_;
  if (taken_back && !cancels_.Spend(Nuisance::kReset, loop_.NowMillis())) worn_out_ = true;
  Remove(stream);
  Work();
}

void Http2ClientSession::Fault(Http2ClientStream* stream, const char* detail) {
  stream->End(EndKind::kMalformed, NGHTTP2_PROTOCOL_ERROR, detail);
  Leave(stream, NGHTTP2_PROTOCOL_ERROR);
  (void)Spend(Nuisance::kFault);
}

// Is anybody there --------------------------------------------------------------------------------

void Http2ClientSession::Heard() {
  heard_ = loop_.Now();
  silent_by_ = loop_.After(settings_.ping_after);
}

void Http2ClientSession::SendPing() {
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr);
  pong_by_ = loop_.After(settings_.ping_timeout);
  next_ping_ = loop_.After(settings_.ping_again);
  Work();
}

Deadline Http2ClientSession::sweep_by() const {
  const Deadline pressing = head_deadline_.Earlier(pong_by_);
  if (open_.empty() || !pong_by_.is_never()) return pressing;
  const Deadline ping = silent_by_.millis() > next_ping_.millis() ? silent_by_ : next_ping_;
  return pressing.Earlier(ping);
}

void Http2ClientSession::Sweep() {
  if (FailSlowHead()) return;
  if (loop_.Passed(pong_by_)) {
    pong_by_ = Deadline::Never();
    return Fail("no_pong", NGHTTP2_NO_ERROR);
  }
  const bool ask =
      pong_by_.is_never() && !open_.empty() && loop_.Passed(silent_by_) && loop_.Passed(next_ping_);
  if (ask) SendPing();
}

// What goes ---------------------------------------------------------------------------------------

void Http2ClientSession::Pump(std::string* out, size_t most) {
  out_ = out;
  most_ = most;
  while (out->size() < most) {
    const uint8_t* bytes = nullptr;
    const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
    if (count == 0) break;
    if (count < 0) {
      if (failure_.empty()) failure_ = "internal";
      aborted_ = true;
      break;
    }
    out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
  }
  out_ = nullptr;
}

ssize_t Http2ClientSession::Read(int32_t id, void* /*source*/, size_t most, uint32_t* flags) {
  Http2ClientStream* const stream = Find(id);
  if (stream == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // about to be reset
  const size_t there = stream->unsent();
  if (stream->forgotten_ || (there == 0 && !stream->out_ended_)) {
    stream->deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  const size_t count = std::min(most, there);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count < there || !stream->out_ended_) return static_cast<ssize_t>(count);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  const FieldBlock& trailers = stream->request_trailers_;
  if (!trailers.empty()) {
    std::vector<nghttp2_nv> copied(trailers.data(), trailers.data() + trailers.size());
    for (nghttp2_nv& field : copied) field.flags = NGHTTP2_NV_FLAG_NO_INDEX;
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session_, id, copied.data(), copied.size());
  }
  return static_cast<ssize_t>(count);
}

int Http2ClientSession::Send(int32_t id, void* /*source*/, const uint8_t* frame_head, size_t size) {
  constexpr size_t kFrameHead = 9;
  constexpr size_t kCompactFrom = 32 * 1024;
  if (out_ == nullptr || out_->size() >= most_) return NGHTTP2_ERR_WOULDBLOCK;
  Http2ClientStream* const stream = Find(id);
  if (stream == nullptr || stream->unsent() < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  out_->append(reinterpret_cast<const char*>(frame_head), kFrameHead);
  out_->append(stream->out_, stream->out_at_, size);
  stream->out_at_ += size;
  if (stream->out_at_ >= kCompactFrom || stream->unsent() == 0) {
    stream->out_.erase(0, stream->out_at_);
    stream->out_at_ = 0;
  }
  stream->writable_.Set();
  budget_.SentData();
  return 0;
}

void Http2ClientSession::FrameSent(const nghttp2_frame& frame) {
  if (frame.hd.type == NGHTTP2_HEADERS) {
    Http2ClientStream* const stream = Find(frame.hd.stream_id);
    if (stream != nullptr) stream->sent_ = true;
  }
  if (frame.hd.type == NGHTTP2_GOAWAY) NoteGoaway(frame.goaway);
  // Of settings or windows that go too far, which nghttp2 found out for one stream only.
  if (frame.hd.type == NGHTTP2_RST_STREAM &&
      frame.rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR) {
    (void)Spend(Nuisance::kFault);
  }
}

void Http2ClientSession::NotSent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  Http2ClientStream* const stream = Find(frame.hd.stream_id);
  if (stream == nullptr) return;
  const bool begun = stream->sent_;  // its trailers could not be sent
  if (begun)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_INTERNAL_ERROR);
  Remove(stream);
  stream->End(begun ? EndKind::kInterrupted : EndKind::kRefused, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace sallyport::dataplane
