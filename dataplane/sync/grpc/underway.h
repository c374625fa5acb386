// Lets an owner wait until nothing that uses it is under way. Thread-safe.
#pragma once

#include "shared/base/mutex.h"

namespace sallyport::dataplane {

// Counts what is under way; CloseAndWait returns when nothing is. Whatever is under way drops its
// ClientContext before it leaves: a context keeps its channel, and when the last channel of a
// process goes on one of gRPC's own callback threads, gRPC 1.51 makes that thread join itself and
// takes the completion queue from under it.
class Underway {
 public:
  bool Enter() {
    base::MutexLock lock(&mutex_);
    if (closed_) return false;
    ++count_;
    return true;
  }
  void Leave() {
    base::MutexLock lock(&mutex_);
    if (--count_ == 0) zero_.SignalAll();
  }
  void CloseAndWait() {
    base::MutexLock lock(&mutex_);
    closed_ = true;
    while (count_ > 0) zero_.Wait(&mutex_);
  }

 private:
  base::Mutex mutex_;
  base::CondVar zero_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::dataplane
