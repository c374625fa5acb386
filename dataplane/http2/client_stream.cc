#include "dataplane/http2/client_stream.h"

#include <algorithm>

#include "dataplane/http2/client_session.h"

namespace sallyport::dataplane {
namespace {

constexpr size_t kMostUnsent = 16 * 1024;   // so much of a request may wait behind a Flush
constexpr size_t kMostInPiece = 32 * 1024;  // of an answer
constexpr size_t kMostGiven = 64 * 1024;    // that stays in front of what was not

IoResult ResultOf(IoResult::Kind kind) {
  IoResult result;
  result.kind = kind;
  return result;
}

}  // namespace

Http2ClientStream::~Http2ClientStream() { Cancel(NGHTTP2_CANCEL); }

void Http2ClientStream::End(Http2End::Kind kind, uint32_t code, absl::string_view detail) {
  if (end_.kind == Http2End::Kind::kOpen) end_ = {kind, code, detail};
  readable_.Set();
  writable_.Set();
}

void Http2ClientStream::Cancel(uint32_t code) {
  if (open()) session_->Leave(this, code);
  End(Http2End::Kind::kInterrupted, code);
}

void Http2ClientStream::Interrupt() { End(Http2End::Kind::kInterrupted); }

// Request -----------------------------------------------------------------------------------------

bool Http2ClientStream::Append(absl::string_view data) {
  if (data.empty()) return true;
  if (has_length_ && data.size() > left_) return false;
  left_ -= has_length_ ? data.size() : 0;
  if (!open()) return true;  // Flush tells
  out_.append(data.data(), data.size());
  if (deferred_) session_->Resume(this);
  return true;
}

bool Http2ClientStream::Finish(const HeaderFields& trailers) {
  if (has_length_ && left_ > 0) return false;
  out_ended_ = true;
  if (!trailers.empty()) request_trailers_.Trailers(trailers);
  if (open() && deferred_) session_->Resume(this);
  return true;
}

boost::asio::awaitable<IoResult> Http2ClientStream::Flush(Deadline deadline) {
  while (open() && end_.kind == Http2End::Kind::kOpen && unsent() > kMostUnsent) {
    writable_.Reset();
    if (co_await writable_.Wait(deadline) == WaitResult::kTimeout)
      co_return ResultOf(IoResult::Kind::kTimeout);
  }
  const bool over = !open() || end_.kind != Http2End::Kind::kOpen;
  co_return ResultOf(over && unsent() > 0 ? IoResult::Kind::kEof : IoResult::Kind::kDone);
}

// What nghttp2 was told of stays for it.
void Http2ClientStream::Forget() { forgotten_ = true; }

// Answer ------------------------------------------------------------------------------------------

const ResponseHead* Http2ClientStream::NextHead() {
  if (heads_.empty() || (in_head_ && heads_.size() == 1)) return nullptr;
  shown_ = std::move(heads_.front());
  heads_.pop_front();
  return shown_.get();
}

BodyPiece Http2ClientStream::TryNext() {
  BodyPiece piece;
  const size_t there = std::min(in_.size() - in_at_, kMostInPiece);
  if (end_.kind == Http2End::Kind::kMalformed) {
    piece.kind = BodyPiece::Kind::kMalformed;
  } else if (there > 0) {
    piece.kind = BodyPiece::Kind::kData;
    piece.data = absl::string_view(in_).substr(in_at_, there);
    in_at_ += there;
    given_ += there;
  } else if (remote_ended_) {
    piece.kind = BodyPiece::Kind::kEnd;
  } else {
    piece.kind = BodyPiece::Kind::kWant;
    piece.io.kind = IoResult::Kind::kWantRead;
  }
  return piece;
}

void Http2ClientStream::Taken() {
  if (given_ > 0 && open() && !remote_ended_) session_->ReturnWindow(this, given_);
  given_ = 0;
  if (in_at_ < in_.size() && in_at_ < kMostGiven) return;
  in_.erase(0, in_at_);
  in_at_ = 0;
}

boost::asio::awaitable<IoResult> Http2ClientStream::Wait(Deadline deadline) {
  const WaitResult waited = co_await readable_.Wait(deadline);
  co_return ResultOf(waited == WaitResult::kTimeout ? IoResult::Kind::kTimeout
                                                    : IoResult::Kind::kDone);
}

}  // namespace sallyport::dataplane
