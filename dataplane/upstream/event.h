// Something that one coroutine of a loop waits for with a deadline. Belongs to the loop's thread;
// other threads Post to the loop first. Keep it alive until the waiter has gone on.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"

namespace sallyport::dataplane {

class Event {
 public:
  explicit Event(Loop& loop) : loop_(loop), timer_(loop.context()), expiry_(this) {}
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void Set() {
    set_ = true;
    timer_.cancel();
  }
  void Reset() { set_ = false; }
  [[nodiscard]] bool is_set() const { return set_; }
  // True when it was set; false when the deadline passed first. One waiter at a time.
  [[nodiscard]] boost::asio::awaitable<bool> Wait(Deadline deadline);

 private:
  class Expiry final : public DeadlineNode {
   public:
    explicit Expiry(Event* event) : event_(event) {}

   private:
    void OnDeadline() override { event_->timer_.cancel(); }
    Event* event_;
  };

  Loop& loop_;
  bool set_ = false;
  boost::asio::steady_timer timer_;
  Expiry expiry_;
};

}  // namespace sallyport::dataplane
