#include "dataplane/loop/readiness.h"

#include <unistd.h>

#include <utility>

#include "dataplane/loop/suspension.h"

namespace sallyport::dataplane {

Readiness::Readiness(Loop& loop, int fd, bool connecting)
    : loop_(loop), fd_(fd), ready_{!connecting, !connecting}, key_(loop.poller().Add(fd, this)) {
  for (size_t i = 0; i < kSlots; ++i) {
    expiry_[i].owner = this;
    expiry_[i].slot = i;
  }
  // Nothing would ever be heard of it.
  if (key_ == Poller::kNone) cancelled_ = true;
}

Readiness::~Readiness() { Close(); }

boost::asio::awaitable<WaitResult> Readiness::Wait(Direction direction, Deadline deadline) {
  Suspension suspension(*this, direction);
  const std::optional<WaitResult> known = suspension.Begin(deadline);
  if (known.has_value()) co_return *known;
  co_return co_await suspension();
}

void Readiness::Note(uint32_t events) {
  constexpr uint32_t kEnd = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
  if ((events & kEnd) != 0) hung_up_ = true;
  if ((events & (EPOLLIN | kEnd)) != 0) ready_[0] = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) ready_[1] = true;
}

void Readiness::ResumeSlot(size_t slot) {
  if (waiter_[slot] != nullptr) loop_.waiters().Resume(waiter_[slot], WaitResult::kReady);
}

void Readiness::Arm(size_t slot, Deadline deadline) {
  Expiry& expiry = expiry_[slot];
  expiry.deadline = deadline;
  if (expiry.linked() && expiry.due() <= deadline.millis()) return;
  loop_.AddDeadline(&expiry, deadline);
}

void Readiness::Expired(Expiry* expiry) {
  if (waiter_[expiry->slot] == nullptr) return;
  if (loop_.Passed(expiry->deadline)) {
    Finish(expiry->slot, WaitResult::kTimeout);
  } else {
    loop_.AddDeadline(expiry, expiry->deadline);
  }
}

void Readiness::Finish(size_t slot, WaitResult result) {
  if (waiter_[slot] != nullptr) loop_.waiters().Finish(waiter_[slot], result);
}

void Readiness::FinishAll(WaitResult result) {
  for (size_t slot = 0; slot < kSlots; ++slot) Finish(slot, result);
}

void Readiness::Cancel() {
  cancelled_ = true;
  FinishAll(WaitResult::kCancelled);
}

int Readiness::Leave() {
  FinishAll(WaitResult::kCancelled);
  ready_[0] = ready_[1] = false;
  return std::exchange(fd_, -1);
}

void Readiness::Close() {
  const int fd = Leave();
  if (fd < 0) return;
  loop_.poller().Forget(key_);
  close(fd);
}

int Readiness::Release() {
  const int fd = Leave();
  if (fd >= 0) loop_.poller().Remove(fd, key_);
  return fd;
}

}  // namespace sallyport::dataplane
