// One event loop: a thread, an io_context, a deadline wheel and a pool of buffers. Everything that a
// request touches lives on one loop; other threads only Post to it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "absl/time/time.h"
#include "dataplane/loop/buffer.h"
#include "dataplane/loop/deadline.h"
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
  // After Join, on the calling thread: runs what is ready for up to `time`, so that coroutines can end.
  void RunFor(absl::Duration time);
  // After Join: destroys every coroutine and handler that still waits, on the calling thread. Call it while
  // all that they touch is there; nothing runs on this loop afterwards. May be called again.
  void Discard();

  // Thread-safe: runs `work` on the loop, later.
  void Post(std::function<void()> work);

  // The rest only on the loop's thread.
  // Monotonic time as of the last wake-up: cheap, late by the length of the running handler at most.
  [[nodiscard]] absl::Duration Now() const { return absl::Milliseconds(now_millis_); }
  [[nodiscard]] int64_t NowMillis() const { return now_millis_; }
  void RefreshNow();
  [[nodiscard]] Deadline After(absl::Duration duration) const {
    return Deadline::AtMillis(now_millis_ + absl::ToInt64Milliseconds(duration));
  }
  [[nodiscard]] bool Passed(Deadline deadline) const { return deadline.millis() <= now_millis_; }

  void AddDeadline(DeadlineNode* node, Deadline deadline);
  [[nodiscard]] BufferPool& buffers() { return buffers_; }

 private:
  void Arm();

  const int index_;
  const base::Clock& clock_;
  int64_t now_millis_ = 0;
  BufferPool buffers_;
  struct Context : boost::asio::io_context {
    using boost::asio::execution_context::shutdown;
  };
  DeadlineWheel wheel_;
  Context context_;  // its handlers use all above
  boost::asio::steady_timer tick_;
  bool armed_ = false;
  std::thread thread_;
};

}  // namespace sallyport::dataplane
