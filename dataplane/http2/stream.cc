#include "dataplane/http2/stream.h"

#include <algorithm>
#include <utility>

#include "dataplane/http2/session.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kLowWater = 16 * 1024;   // so much of an answer may wait here
constexpr size_t kKeepBytes = 32 * 1024;  // of a buffer, for the next request

IoResult Of(IoResult::Kind kind) {
  IoResult result;
  result.kind = kind;
  return result;
}

void Empty(std::string* buffer) {
  buffer->clear();
  if (buffer->capacity() > kKeepBytes) buffer->shrink_to_fit();
}

}  // namespace

void Http2Stream::Begin(Http2Session* session, int32_t id) {
  session_ = session;
  id_ = id;
  gone_ = closed_ = false;
  listener_ = nullptr;
  verdict = {};
  fields_.Start(RequestFields::Section::kHead, &head.bytes);
  Empty(&in_);
  in_at_ = not_returned_ = given_ = in_frame_ = 0;
  said_ = kNotSaid;
  received_ = 0;
  max_bytes_ = UINT64_MAX;
  head_done_ = remote_ended_ = faulty_ = reset_by_client_ = false;
  trailers_.clear();
  readable_.Reset();
  answer_.Clear();
  answer_trailers_.Clear();
  Empty(&out_);
  out_at_ = 0;
  started_ = submitted_ = ended_ = end_sent_ = dropped_ = deferred_ = queued_ = false;
  writable_.Reset();
}

void Http2Stream::Close(bool gone) {
  closed_ = true;
  session_->Forget(unsent());
  out_at_ = out_.size();
  if (gone) Leave();
  readable_.Set();
  writable_.Set();
}

void Http2Stream::Leave() {
  gone_ = true;
  if (listener_ != nullptr) std::exchange(listener_, nullptr)->OnClientGone();
  readable_.Set();
  writable_.Set();
}

void Http2Stream::Reset(uint32_t code) {
  if (!closed_ && !gone_) session_->Reset(this, code);
}

void Http2Stream::Cut() {
  if (closed_ || gone_) return;
  Leave();
  session_->Reset(this, NGHTTP2_CANCEL);
}

void Http2Stream::AnswerOver() {
  listener_ = nullptr;
  if (!closed_ && !(ended_ && submitted_)) Reset(NGHTTP2_INTERNAL_ERROR);
}

// Body --------------------------------------------------------------------------------------------

// The last byte of a body whose length was said waits for the end of the stream: with it the
// upstream would have the whole of a request that may still turn out to be malformed.
size_t Http2Stream::unread() const {
  const size_t there = in_.size() - in_at_;
  return there > 0 && !remote_ended_ && received_ == said_ ? there - 1 : there;
}

BodyPiece Http2Stream::TryNext() {
  BodyPiece piece;
  // Closed, or its end was sent: the answer was whole before the body was.
  const bool cut =
      gone_ || (unread() == 0 && (dropped_ || ((closed_ || end_sent_) && !remote_ended_)));
  if (faulty_) {
    piece.kind = BodyPiece::Kind::kMalformed;
  } else if (cut) {
    piece.kind = BodyPiece::Kind::kIo;
    piece.io.kind = IoResult::Kind::kEof;
  } else if (unread() > 0) {
    piece.kind = BodyPiece::Kind::kData;
    piece.data = absl::string_view(in_).substr(in_at_, unread());
    given_ += piece.data.size();
    in_at_ += piece.data.size();
    if (received_ > max_bytes_) piece.kind = BodyPiece::Kind::kTooLarge;
  } else if (remote_ended_) {
    piece.kind = BodyPiece::Kind::kEnd;
  } else {
    piece.kind = BodyPiece::Kind::kWant;
    piece.io.kind = IoResult::Kind::kWantRead;
  }
  return piece;
}

boost::asio::awaitable<IoResult> Http2Stream::Wait(IoResult::Kind /*want*/, Deadline deadline) {
  const bool more = unread() > 0 || remote_ended_ || closed_ || end_sent_ || gone_ || faulty_;
  if (more) co_return IoResult{};
  readable_.Reset();
  const WaitResult waited = co_await readable_.Wait(deadline);
  co_return Of(waited == WaitResult::kTimeout ? IoResult::Kind::kTimeout : IoResult::Kind::kDone);
}

void Http2Stream::Taken() {
  if (given_ == 0) return;
  const bool stopped = end_sent_ && !remote_ended_;  // its window is not opened any more
  if (!closed_ && !stopped) session_->ReturnWindow(this, given_);
  given_ = 0;
  if (in_at_ == in_.size()) {
    in_.clear();
    in_at_ = 0;
  }
}

// Answer ------------------------------------------------------------------------------------------

void Http2Stream::Interim(const AnswerHead& answer) {
  if (!closed_) session_->SubmitInterim(this, answer);
}

void Http2Stream::Start(const AnswerHead& answer) {
  started_ = true;
  ended_ = submitted_ = false;
  has_body_ = answer.has_body;
  has_length_ = answer.has_body && answer.length.has_value();
  left_ = answer.length.value_or(0);
  answer_.Answer(answer);
}

bool Http2Stream::Append(absl::string_view data) {
  if (data.empty()) return true;
  if (!has_body_ || (has_length_ && data.size() > left_)) return false;
  left_ -= has_length_ ? data.size() : 0;
  if (closed_ || gone_) return true;  // Flush tells
  if (unsent() == 0) {
    stalled_since_ = loop_.NowMillis();
    sent_since_ = 0;
  }
  out_.append(data.data(), data.size());
  session_->Keep(data.size());
  return true;
}

bool Http2Stream::Finish(const HeaderFields& trailers) {
  if (has_length_ && left_ > 0) return false;
  ended_ = true;
  if (has_body_ && !trailers.empty()) answer_trailers_.Trailers(trailers);
  return true;
}

size_t Http2Stream::pending() const {
  const bool something = (started_ && !submitted_) || (ended_ && deferred_);
  return unsent() + (something ? 1 : 0);
}

void Http2Stream::Submit() {
  if (!started_) return session_->Work();  // an interim answer
  if (!submitted_) {
    submitted_ = true;
    session_->Submit(this);
  } else if (deferred_ && (unsent() > 0 || ended_)) {
    session_->Resume(this);
  }
}

bool Http2Stream::MustWait() const {
  return !closed_ && !gone_ && unsent() > (session_->crowded() ? 0 : kLowWater);
}

std::optional<IoResult> Http2Stream::TryFlush() {
  if (!closed_ && !gone_) Submit();
  if (MustWait()) return std::nullopt;
  return Of(gone_ ? IoResult::Kind::kEof : IoResult::Kind::kDone);
}

boost::asio::awaitable<IoResult> Http2Stream::Flush(Deadline deadline) {
  if (!closed_ && !gone_) Submit();
  while (MustWait()) {
    writable_.Reset();
    if (co_await writable_.Wait(deadline) == WaitResult::kTimeout) {
      Reset(NGHTTP2_CANCEL);
      co_return Of(IoResult::Kind::kTimeout);
    }
  }
  co_return Of(gone_ ? IoResult::Kind::kEof : IoResult::Kind::kDone);
}

bool Http2Stream::Abandon() {
  if (!started_) return true;
  if (submitted_) return false;
  session_->Forget(unsent());
  out_.clear();
  out_at_ = 0;
  started_ = ended_ = false;
  return true;
}

}  // namespace sallyport::dataplane
