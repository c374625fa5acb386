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

void Ticker::Nudge() {
  const base::MutexLock lock(&mutex_);
  nudged_ = true;
  changed_.SignalAll();
}

void Ticker::Run() {
  while (true) {
    tick_();
    const base::MutexLock lock(&mutex_);
    if (!closing_ && !nudged_) changed_.WaitWithTimeout(&mutex_, interval_);
    if (closing_) return;
    nudged_ = false;
  }
}

}  // namespace sallyport::authsvc
