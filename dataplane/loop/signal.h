// Something that one coroutine of a loop waits for and another part of the same loop sets. A Set
// before the wait is remembered, once. Costs no timer and no allocation. Keep it alive until the
// waiter has gone on. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"
#include "dataplane/loop/waiters.h"

namespace sallyport::dataplane {

class Signal {
 public:
  explicit Signal(Loop& loop) : loop_(loop), expiry_(*this) {}
  ~Signal() { Finish(WaitResult::kCancelled); }
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  // Who waits goes on in this turn of the loop, after all that came for descriptors, or in the next
  // one.
  void Set() {
    if (waiter_ == nullptr) {
      set_ = true;
    } else {
      Finish(WaitResult::kReady);
    }
  }
  // Forgets a Set.
  void Reset() { set_ = false; }
  // kReady or kTimeout. One waiter at a time.
  [[nodiscard]] boost::asio::awaitable<WaitResult> Wait(Deadline deadline);

 private:
  class Expiry final : public DeadlineNode {
   public:
    explicit Expiry(Signal& signal) : signal_(signal) {}

   private:
    void OnDeadline() override { signal_.Finish(WaitResult::kTimeout); }
    Signal& signal_;
  };

  void Finish(WaitResult result) {
    if (waiter_ != nullptr) loop_.waiters().Finish(waiter_, result);
  }

  Loop& loop_;
  bool set_ = false;
  Waiter* waiter_ = nullptr;
  Expiry expiry_;
};

}  // namespace sallyport::dataplane
