// What goes to the client: answers in turns, resets, windows.
#include <algorithm>
#include <iterator>
#include <utility>

#include "dataplane/http2/callbacks.h"
#include "dataplane/http2/session.h"

namespace sallyport::dataplane {
namespace {

// A client that acknowledges nothing is told all the same.
constexpr absl::Duration kReadWithin = absl::Seconds(1);
constexpr uint8_t kStopPing[8] = {'a', 'n', 's', 'w', 'e', 'r', 'e', 'd'};

}  // namespace

bool Http2Session::IsStopPing(const nghttp2_frame& frame) {
  return std::equal(std::begin(kStopPing), std::end(kStopPing), frame.ping.opaque_data);
}

void Http2Session::Submit(Http2Stream* stream) {
  nghttp2_data_provider body;
  body.source.ptr = stream;
  body.read_callback = Http2Calls<Http2Session>::OnRead;
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
  FieldBlock fields;
  fields.Answer(answer);
  std::vector<nghttp2_nv> copied(fields.data(), fields.data() + fields.size());
  for (nghttp2_nv& field : copied) field.flags = NGHTTP2_NV_FLAG_NONE;
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, stream->id_, nullptr, copied.data(),
                         copied.size(), nullptr);
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

void Http2Session::StopBody(Http2Stream* stream) {
  stream->readable_.Set();
  (asked_.empty() ? asked_ : to_stop_).push_back(stream->id_);
  if (to_stop_.empty()) AskWhetherRead();
}

void Http2Session::AskWhetherRead() {
  stop_by_ = loop_.After(kReadWithin);
  budget_.SentPing();
  nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, kStopPing);
  Work();
}

void Http2Session::ResetAsked() {
  stop_by_ = Deadline::Never();
  for (const int32_t id : std::exchange(asked_, {})) {
    Http2Stream* const stream = Find(id);
    if (stream != nullptr && !stream->closed_ && !stream->remote_ended_)
      Reset(stream, NGHTTP2_NO_ERROR);
  }
  asked_.swap(to_stop_);
  if (!asked_.empty()) AskWhetherRead();
}

void Http2Session::ReturnWindow(Http2Stream* stream, size_t bytes) {
  stream->not_returned_ -= bytes;
  nghttp2_session_consume(session_, stream->id_, bytes);
  if (wants_write()) Work();
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
    // While the connection's window is shut, streams that have not had their turn wait in nghttp2.
    // A next turn comes after theirs.
    if (!turn_possible() || out->size() >= most) break;
    Http2Stream* const stream = Find(turns_.front());
    turns_.pop_front();
    if (stream == nullptr || stream->closed_) continue;
    stream->queued_ = false;
    stream->credit_ = kTurnBytes;
    nghttp2_session_resume_data(session_, stream->id_);
  }
  out_ = nullptr;
}

ssize_t Http2Session::Read(int32_t /*id*/, void* source, size_t most, uint32_t* flags) {
  auto* const stream = static_cast<Http2Stream*>(source);
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

int Http2Session::Send(int32_t /*id*/, void* source, const uint8_t* frame_head, size_t size) {
  constexpr size_t kHeadBytes = 9;
  constexpr size_t kCompact = 32 * 1024;
  constexpr size_t kProgress = 1024;  // who opens a window byte by byte does not get on
  if (out_ == nullptr || out_->size() >= most_) return NGHTTP2_ERR_WOULDBLOCK;
  auto* const stream = static_cast<Http2Stream*>(source);
  out_->append(reinterpret_cast<const char*>(frame_head), kHeadBytes);
  out_->append(stream->out_, stream->out_at_, size);
  stream->out_at_ += size;
  Forget(size);
  if (stream->out_at_ >= kCompact || stream->unsent() == 0) {
    stream->out_.erase(0, stream->out_at_);
    stream->out_at_ = 0;
  }
  stream->sent_since_ += size;
  if (stream->sent_since_ >= kProgress) {
    stream->sent_since_ = 0;
    stream->stalled_since_ = loop_.NowMillis();
  }
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
      if (!stream->remote_ended_) StopBody(stream);
      return;
    }
    case NGHTTP2_RST_STREAM: {
      const uint32_t code = frame.rst_stream.error_code;
      events_.OnReset(/*by_client=*/false, code);
      if (code == NGHTTP2_REFUSED_STREAM) (void)Spend(Nuisance::kReset);
      if (code == NGHTTP2_PROTOCOL_ERROR || code == NGHTTP2_STREAM_CLOSED ||
          code == NGHTTP2_FRAME_SIZE_ERROR) {
        (void)Spend(Nuisance::kFault);
      }
      // Perhaps of settings, which is an error of the connection (6.9.2); nghttp2 does not say.
      if (code == NGHTTP2_FLOW_CONTROL_ERROR)
        Fail("FLOW_CONTROL_ERROR", NGHTTP2_FLOW_CONTROL_ERROR);
      return;
    }
    case NGHTTP2_GOAWAY: return NoteGoaway(frame.goaway);
    default: return;
  }
}

void Http2Session::NotSent(const nghttp2_frame& frame) {
  if (frame.hd.type != NGHTTP2_HEADERS) return;
  Http2Stream* const stream = Find(frame.hd.stream_id);
  if (stream != nullptr && !stream->closed_) Reset(stream, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace sallyport::dataplane
