// Says once, from one thread to another, that something has happened. As absl::Notification, on
// base::Mutex: what it orders is seen by TSan too.
#pragma once

#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::testing {

class Notification {
 public:
  void Notify() {
    const base::MutexLock lock(&mutex_);
    notified_ = true;
    changed_.SignalAll();
  }
  void Wait() {
    const base::MutexLock lock(&mutex_);
    while (!notified_) changed_.Wait(&mutex_);
  }
  // False: it did not happen in time.
  [[nodiscard]] bool WaitFor(absl::Duration time) {
    const base::MutexLock lock(&mutex_);
    const base::Clock& clock = base::SystemClock();
    const absl::Duration until = clock.Monotonic() + time;
    absl::Duration left = time;
    while (!notified_ && left > absl::ZeroDuration()) {
      changed_.WaitWithTimeout(&mutex_, left);
      left = until - clock.Monotonic();
    }
    return notified_;
  }

 private:
  base::Mutex mutex_;
  base::CondVar changed_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::testing
