#include "authsvc/rpc/stream_pump.h"

namespace sallyport::authsvc {

StreamPump::StreamPump() {
  thread_ = std::thread([this] { Run(); });
}

StreamPump::~StreamPump() {
  {
    const base::MutexLock lock(&mutex_);
    closing_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void StreamPump::Wake(const std::weak_ptr<Pumped>& stream) {
  const std::shared_ptr<Pumped> alive = stream.lock();
  if (alive == nullptr || alive->queued_.exchange(true)) return;
  const base::MutexLock lock(&mutex_);
  queue_.push_back(stream);
  changed_.Signal();
}

void StreamPump::Run() {
  while (true) {
    std::weak_ptr<Pumped> next;
    {
      const base::MutexLock lock(&mutex_);
      while (queue_.empty() && !closing_) changed_.Wait(&mutex_);
      if (queue_.empty()) return;
      next = std::move(queue_.front());
      queue_.pop_front();
    }
    if (const std::shared_ptr<Pumped> stream = next.lock()) {
      stream->queued_.store(false);  // before pumping: news during it wake again
      stream->Pump();
    }
  }
}

}  // namespace sallyport::authsvc
