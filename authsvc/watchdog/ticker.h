// Calls a function at a steady interval, and when nudged, on a thread of its own until destroyed.
#pragma once

#include <functional>
#include <thread>

#include "absl/time/time.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class Ticker {
 public:
  Ticker(absl::Duration interval, std::function<void()> tick);
  ~Ticker();  // waits for a call under way
  // Calls it soon, beside its interval. Any thread.
  void Nudge();
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;

 private:
  void Run();

  const absl::Duration interval_;
  const std::function<void()> tick_;
  base::Mutex mutex_;
  base::CondVar changed_;
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool nudged_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::authsvc
