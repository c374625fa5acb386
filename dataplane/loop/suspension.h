// The inside of a wait, for coroutines of dataplane/loop, and for those that are run for every
// request: awaited in place, a wait needs no coroutine of its own. One loop's thread.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/deferred.hpp>
#include <cstdlib>
#include <optional>
#include <utility>

#include "dataplane/loop/readiness.h"
#include "dataplane/loop/stream.h"

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

// WaitFor (stream.h) without a coroutine:
//   StreamWait wait(stream, want);
//   std::optional<WaitResult> waited = wait.Begin(deadline);
//   if (!waited.has_value()) waited = co_await wait();
class StreamWait {
 public:
  StreamWait(Stream& stream, IoResult::Kind want)
      : suspension_(stream.readiness(),
                    want == IoResult::Kind::kWantWrite ? Direction::kWrite : Direction::kRead) {}

  // What there is to say without waiting.
  [[nodiscard]] std::optional<WaitResult> Begin(Deadline deadline) {
    return suspension_.Begin(deadline);
  }
  // To be awaited at once after Begin.
  [[nodiscard]] auto operator()() { return suspension_(); }
  // kDone, kTimeout or kCancelled.
  [[nodiscard]] static IoResult ResultOf(WaitResult waited) {
    IoResult result;
    if (waited == WaitResult::kTimeout) result.kind = IoResult::Kind::kTimeout;
    if (waited == WaitResult::kCancelled) result.kind = IoResult::Kind::kCancelled;
    return result;
  }

 private:
  Suspension suspension_;
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

// Waits for the time to do what takes a good part of a millisecond, as a step of a handshake does:
// in the order in which it was asked for, some in each turn of `loop`, behind all that others wait
// for. The deadlines of who waits may pass meanwhile.
[[nodiscard]] inline auto LongWorkTurn(Loop& loop) {
  return boost::asio::async_initiate<const boost::asio::deferred_t, void(WaitResult)>(
      [&loop](auto handler) {
        Waiter* waiter = nullptr;
        loop.waiters().Hold(std::move(handler), &waiter);
        loop.waiters().Queue(waiter, loop.NowMillis());
      },
      boost::asio::deferred);
}

}  // namespace sallyport::dataplane
