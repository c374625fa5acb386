// The inside of a wait, for coroutines of dataplane/loop. One loop's thread.
#pragma once

#include <cstdlib>
#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

class Suspension {
 public:
  Suspension(Readiness& readiness, Direction direction)
      : readiness_(readiness), direction_(Readiness::Index(direction)) {}

  // What there is to say without waiting.
  [[nodiscard]] std::optional<WaitResult> Begin(Deadline deadline) {
    if (readiness_.cancelled_ || readiness_.fd_ < 0) return WaitResult::kCancelled;
    if (readiness_.loop_.Passed(deadline)) return WaitResult::kTimeout;
    slot_ = readiness_.FreeSlot(direction_);
    // A bug: whoever was put off its slot would never be heard of again.
    if (slot_ == Readiness::kNoSlot) std::abort();
    readiness_.Arm(slot_, deadline);
    return std::nullopt;
  }

  // To be awaited at once after Begin: a WaitResult.
  [[nodiscard]] auto operator()() {
    return boost::asio::async_initiate<const boost::asio::deferred_t, void(WaitResult)>(
        [this](auto handler) { Hold(std::move(handler)); }, boost::asio::deferred);
  }

 private:
  template <typename Handler>
  void Hold(Handler handler) {
    readiness_.loop_.waiters().Hold(std::move(handler), &readiness_.waiter_[slot_]);
    if (readiness_.ready_[direction_]) readiness_.Finish(slot_, WaitResult::kReady);
  }

  Readiness& readiness_;
  const size_t direction_;
  size_t slot_ = 0;
};

// Waits for the next turn of `loop`.
[[nodiscard]] inline auto NextTurn(Loop& loop) {
  return boost::asio::async_initiate<const boost::asio::deferred_t, void(WaitResult)>(
      [&loop](auto handler) {
        Waiter* waiter = nullptr;
        loop.waiters().Hold(std::move(handler), &waiter);
        loop.waiters().Finish(waiter, WaitResult::kReady);
      },
      boost::asio::deferred);
}

}  // namespace sallyport::dataplane
