// Runs what waits for the store, off gRPC's threads. Bounded: more than `most` waiting are refused.
// Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class AdminWorker {
 public:
  explicit AdminWorker(size_t threads = 2, size_t most = 256);
  // Finishes what was accepted.
  ~AdminWorker();
  AdminWorker(const AdminWorker&) = delete;
  AdminWorker& operator=(const AdminWorker&) = delete;

  // False: too many are waiting, `work` will not run.
  [[nodiscard]] bool Do(std::function<void()> work);

 private:
  void Run();

  const size_t most_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace sallyport::authsvc
