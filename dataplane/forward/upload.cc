#include "dataplane/forward/upload.h"

#include "absl/cleanup/cleanup.h"
#include "dataplane/forward/headers.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr size_t kFillBytes = 32 * 1024;
constexpr uint64_t kMaxDiscard = 256 * 1024;
constexpr absl::Duration kSlice = absl::Milliseconds(250);  // how soon a Discard is noticed
constexpr absl::Duration kAfterFailure = absl::Seconds(2);

}  // namespace

Upload::Upload(RequestBody& body, BodySink& sink, Cleaning cleaning, Loop& loop,
               absl::Duration idle)
    : body_(body), sink_(sink), cleaning_(cleaning), loop_(loop), idle_(idle), finished_(loop) {}

Upload::State Upload::Fail(Reason reason) {
  reason_ = reason;
  return State::kFailed;
}

bool Upload::Take(absl::string_view data) {
  touched_ = true;
  if (discarding_) {
    discarded_ += data.size();
    return true;
  }
  bytes_ += data.size();
  return sink_.Append(data);
}

Upload::State Upload::Fill(size_t limit) {
  const uint64_t before = bytes_ + discarded_;  // a sink that drops what it gets never fills up
  while (sink_.pending() < limit && bytes_ + discarded_ - before < limit && !DiscardedEnough()) {
    const BodyPiece piece = body_.TryNext();
    switch (piece.kind) {
      case BodyPiece::Kind::kData:
        if (!Take(piece.data)) return Fail(Reason::kBadRequest);
        break;
      case BodyPiece::Kind::kEnd:
        touched_ = ended_ = true;
        if (discarding_) return State::kWhole;
        if (!sink_.Finish(CleanTrailers(body_.trailers(), cleaning_.set, cleaning_.remove))) {
          return Fail(Reason::kBadRequest);
        }
        return State::kWhole;
      case BodyPiece::Kind::kWant: want_ = piece.io.kind; return State::kWant;
      case BodyPiece::Kind::kMalformed: return Fail(Reason::kBadRequest);
      case BodyPiece::Kind::kTooLarge: return Fail(Reason::kBodyTooLarge);
      case BodyPiece::Kind::kIo: return Fail(Reason::kClientGone);
    }
  }
  return State::kMore;
}

void Upload::Discard(Deadline until) {
  discarding_ = true;
  discard_until_ = until;
}

bool Upload::DiscardedEnough() const {
  return discarding_ && (discarded_ > kMaxDiscard || loop_.Passed(discard_until_));
}

boost::asio::awaitable<void> Upload::FlushOut() {
  if (!discarding_ && sink_.over()) {
    Discard(loop_.After(kAfterFailure));
  } else if (!discarding_ && sink_.pending() > 0) {
    const Deadline deadline = loop_.After(idle_);
    const IoResult result = co_await sink_.Flush(deadline);
    // An answer may have come before the upstream stopped reading: the reader will tell.
    if (!result.ok() && !discarding_) Discard(loop_.After(kAfterFailure));
  }
  if (discarding_) sink_.Forget();
  body_.Taken();
}

// False when the upload ends here.
boost::asio::awaitable<bool> Upload::WaitForClient() {
  Renew();
  waits_for_client_ = true;
  const absl::Cleanup over = [this] { waits_for_client_ = false; };
  for (;;) {
    Deadline until = idle_until_.Earlier(loop_.After(kSlice));
    if (discarding_) until = until.Earlier(discard_until_);
    const IoResult result = co_await body_.Wait(want_, until);
    if (result.ok()) co_return true;
    if (result.kind != IoResult::Kind::kTimeout) {
      (void)Fail(Reason::kClientGone);
      co_return false;
    }
    if (DiscardedEnough()) co_return false;
    if (loop_.Passed(idle_until_)) {
      (void)Fail(Reason::kRequestTimeout);
      co_return false;
    }
  }
}

boost::asio::awaitable<void> Upload::Run(std::shared_ptr<Upload> self) {
  FairShare share;
  for (State state = State::kMore; state == State::kMore || state == State::kWant;) {
    const uint64_t before = self->bytes_;
    state = self->Fill(kFillBytes);
    const bool yield = share.Relay(self->bytes_ - before);
    if (state == State::kFailed) break;
    co_await self->FlushOut();
    if (state == State::kWhole) self->sent_ = !self->discarding_;
    if (self->DiscardedEnough()) break;
    if (state == State::kWant && !co_await self->WaitForClient()) break;
    if (yield && state == State::kMore) co_await Yield(self->loop_);
  }
  if (self->reason_ != Reason::kAllowed) self->sink_.Interrupt();
  self->finished_.Set();
}

}  // namespace sallyport::dataplane
