// The inside of a wait, for coroutines of dataplane/loop. One loop's thread.
#pragma once

#include <optional>
#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>

#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

class Suspension {
 public:
  Suspension(Readiness& readiness, Direction direction)
      : readiness_(readiness), index_(Readiness::Index(direction)) {}

  // What there is to say without waiting.
  [[nodiscard]] std::optional<WaitResult> Begin(Deadline deadline) {
    if (readiness_.cancelled_ || readiness_.fd_ < 0) return WaitResult::kCancelled;
    if (readiness_.loop_.Passed(deadline)) return WaitResult::kTimeout;
    readiness_.Arm(index_, deadline);
    return std::nullopt;
  }

  // To be awaited: a WaitResult.
  [[nodiscard]] auto operator()() {
    return boost::asio::async_initiate<const boost::asio::deferred_t, void(WaitResult)>(
        [this](auto handler) { Hold(std::move(handler)); }, boost::asio::deferred);
  }

 private:
  template <typename Handler>
  void Hold(Handler handler) {
    readiness_.loop_.waiters().Hold(std::move(handler), &readiness_.waiter_[index_]);
    if (readiness_.ready_[index_]) readiness_.Finish(index_, WaitResult::kReady);
  }

  Readiness& readiness_;
  const size_t index_;
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
