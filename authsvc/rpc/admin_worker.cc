#include "authsvc/rpc/admin_worker.h"

#include <utility>

namespace sallyport::authsvc {

AdminWorker::AdminWorker(size_t threads, size_t most) : most_(most) {
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

AdminWorker::~AdminWorker() {
  {
    const base::MutexLock lock(&mutex_);
    closing_ = true;
    changed_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool AdminWorker::Do(std::function<void()> work) {
  const base::MutexLock lock(&mutex_);
  if (closing_ || queue_.size() >= most_) return false;
  queue_.push_back(std::move(work));
  changed_.Signal();
  return true;
}

void AdminWorker::Run() {
  while (true) {
    std::function<void()> work;
    {
      const base::MutexLock lock(&mutex_);
      while (queue_.empty() && !closing_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace sallyport::authsvc
