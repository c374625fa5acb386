// One event loop: a thread, a poller, an io_context, a deadline wheel and a pool of buffers.
// Everything that a request touches lives on one loop; other threads only Post to it.
//
// A turn of the loop: wait for events, note all of them, fire what is due, resume who waited, run
// what was posted, do some of the long work (LongWorkTurn, suspension.h). The io_context carries
// coroutines and posted work and is looked at once a turn; a descriptor waits by Readiness. A timer
// of asio's own fires late by up to a tick of the wheel (50 ms), and work that another thread gives
// to the io_context itself, not to Post, may wait as long.
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/time/time.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/deadline.h"
#include "dataplane/loop/poller.h"
#include "dataplane/loop/waiters.h"
#include "shared/base/clock.h"

namespace sallyport::dataplane {

class Loop {
 public:
  // `clock` outlives the loop.
  explicit Loop(int index, const base::Clock& clock = base::SystemClock());
  ~Loop();  // stops and joins
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  [[nodiscard]] int index() const { return index_; }
  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  [[nodiscard]] const base::Clock& clock() const { return clock_; }

  void Start();  // runs on a thread of its own
  void Run();    // runs on the calling thread until Stop
  void Stop();   // thread-safe
  void Join();
  // After Join, on the calling thread: runs what is ready for up to `time`, so that coroutines can
  // end.
  void RunFor(absl::Duration time);
  // After Join: destroys every coroutine and handler that still waits, on the calling thread. Call
  // it while all that they touch is there; nothing runs on this loop afterwards. May be called
  // again.
  void Discard();

  // Thread-safe: runs `work` on the loop, later.
  void Post(std::function<void()> work);

  // The rest only on the loop's thread.
  // Monotonic time as of the last wake-up: cheap, late by the length of the running turn at most.
  [[nodiscard]] absl::Duration Now() const { return absl::Milliseconds(now_millis_); }
  [[nodiscard]] int64_t NowMillis() const { return now_millis_; }
  void RefreshNow();
  [[nodiscard]] Deadline After(absl::Duration duration) const {
    return Deadline::AtMillis(now_millis_ + absl::ToInt64Milliseconds(duration));
  }
  [[nodiscard]] bool Passed(Deadline deadline) const { return deadline.millis() <= now_millis_; }

  // Counts the looks at all descriptors that left none out: what had come before one of them is
  // known after it. A turn has one at its start, as a rule.
  [[nodiscard]] uint64_t looks() const { return looks_; }

  // How long what this turn brings may have waited, at most: the work of the turn before.
  // Milliseconds.
  [[nodiscard]] int64_t queue_delay_millis() const { return queue_delay_millis_; }
  // How long the first of the long work that waits for its turn has done so; 0 where none does.
  // Milliseconds.
  [[nodiscard]] int64_t long_work_delay_millis() const {
    return waiters_.AnyQueued() ? now_millis_ - waiters_.queued_since() : 0;
  }
  // Of this turn; another one has another.
  [[nodiscard]] uint64_t turn() const { return turn_; }

  void AddDeadline(DeadlineNode* node, Deadline deadline);
  [[nodiscard]] BufferPool& buffers() { return buffers_; }
  [[nodiscard]] Poller& poller() { return poller_; }
  [[nodiscard]] Waiters& waiters() { return waiters_; }

 private:
  void Turn(int most_millis);
  void RunPosted();
  void RunLongWork();

  const int index_;
  const base::Clock& clock_;
  int64_t now_millis_ = 0;
  uint64_t looks_ = 0;
  uint64_t turn_ = 0;
  int64_t turn_began_millis_ = 0;
  int64_t queue_delay_millis_ = 0;
  BufferPool buffers_;
  struct Context : boost::asio::io_context {
    using boost::asio::execution_context::shutdown;
  };
  DeadlineWheel wheel_;
  Poller poller_;
  Waiters waiters_;
  bool more_posted_ = true;  // perhaps
  Context context_;          // its handlers use all above
  std::thread thread_;
};

}  // namespace sallyport::dataplane
