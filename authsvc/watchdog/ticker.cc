#include "authsvc/watchdog/ticker.h"

#include <utility>

namespace sallyport::authsvc {

Ticker::Ticker(absl::Duration interval, std::function<void()> tick)
    : interval_(interval), tick_(std::move(tick)) {
  thread_ = std::thread([this] { Run(); });
}

Ticker::~Ticker() {
  {
    const base::MutexLock lock(&mutex_);
    closing_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Ticker::Run() {
  while (true) {
    tick_();
    const base::MutexLock lock(&mutex_);
    if (!closing_) changed_.WaitWithTimeout(&mutex_, interval_);
    if (closing_) return;
  }
}

}  // namespace sallyport::authsvc
