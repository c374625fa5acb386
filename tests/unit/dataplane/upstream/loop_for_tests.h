// Runs a coroutine on a loop in the test's own thread until it has ended; fails the test after a
// minute.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <functional>
#include <thread>

#include "dataplane/loop/loop.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane::testing {

// Of the machine's time, whatever the loop's clock says.
class Watchdog {
 public:
  explicit Watchdog(Loop& loop) : loop_(loop), thread_([this] { Watch(); }) {}
  ~Watchdog() {
    {
      const base::MutexLock lock(&mutex_);
      over_ = true;
      changed_.Signal();
    }
    thread_.join();
  }
  [[nodiscard]] bool fired() const { return fired_; }

 private:
  void Watch() {
    const base::Clock& clock = base::SystemClock();
    const absl::Duration until = clock.Monotonic() + absl::Seconds(60);
    const base::MutexLock lock(&mutex_);
    for (absl::Duration left = absl::Seconds(60); !over_ && left > absl::ZeroDuration();
         left = until - clock.Monotonic()) {
      changed_.WaitWithTimeout(&mutex_, left);
    }
    if (over_) return;
    fired_ = true;
    loop_.Stop();
  }
  Loop& loop_;
  std::atomic<bool> fired_{false};
  base::Mutex mutex_;
  base::CondVar changed_;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

inline void RunOn(Loop& loop, const std::function<boost::asio::awaitable<void>()>& scenario) {
  const Watchdog watchdog(loop);
  loop.RefreshNow();
  boost::asio::co_spawn(loop.context(), scenario, [&loop](const std::exception_ptr& error) {
    EXPECT_EQ(error, nullptr);
    loop.Stop();
  });
  loop.context().restart();
  loop.Run();
  EXPECT_FALSE(watchdog.fired()) << "the scenario did not end";
}

}  // namespace sallyport::dataplane::testing
