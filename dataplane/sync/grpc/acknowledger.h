// Tells authsvc which revision every loop has applied (DESIGN 4): one call at a time, so that none
// overtakes another, and again until one was heard. `/tyk/reload?block=true` waits for it, with no
// later change to make a lost one good.
#pragma once

#include <cstdint>
#include <functional>

#include "shared/base/mutex.h"

namespace sallyport::dataplane {

// Thread-safe; calls `send` without its lock held.
class Acknowledger {
 public:
  struct Applied {
    uint64_t epoch = 0;
    uint64_t revision = 0;
  };
  // Calls `heard` once, from any thread, also before it returns; true when authsvc answered.
  using Send = std::function<void(const Applied&, std::function<void(bool)> heard)>;

  explicit Acknowledger(Send send) : send_(std::move(send)) {}

  void Say(const Applied& applied) {
    {
      base::MutexLock lock(&mutex_);
      applied_ = applied;
      unheard_ = true;
    }
    TryAgain();
  }

  // Sends what has not been heard, if anything, unless a call is under way.
  void TryAgain() {
    Applied applied;
    {
      base::MutexLock lock(&mutex_);
      if (!unheard_ || busy_) return;
      busy_ = true;
      unheard_ = false;
      applied = applied_;
    }
    send_(applied, [this](bool heard) { Came(heard); });
  }

 private:
  void Came(bool heard) {
    {
      base::MutexLock lock(&mutex_);
      busy_ = false;
      if (!heard) unheard_ = true;
    }
    if (heard)
      TryAgain();  // what was said meanwhile; after a failure whoever calls TryAgain sets the pace
  }

  const Send send_;
  base::Mutex mutex_;
  Applied applied_ ABSL_GUARDED_BY(mutex_);
  bool unheard_ ABSL_GUARDED_BY(mutex_) = false;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::dataplane
