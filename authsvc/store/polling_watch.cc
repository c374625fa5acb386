#include "authsvc/store/polling_watch.h"

#include <utility>

namespace sallyport::authsvc {

PollingWatch::PollingWatch(Version version, absl::Duration interval, std::function<void()> changed)
    : version_(std::move(version)), interval_(interval), changed_(std::move(changed)) {
  if (const auto now = version_(); now.ok()) last_ = *now;
  thread_ = std::thread([this] { Poll(); });
}

PollingWatch::~PollingWatch() {
  {
    base::MutexLock lock(&mutex_);
    stop_ = true;
    stopped_.Signal();
  }
  thread_.join();
}

bool PollingWatch::WaitForNext() {
  base::MutexLock lock(&mutex_);
  if (!stop_) stopped_.WaitWithTimeout(&mutex_, interval_);
  return !stop_;
}

void PollingWatch::Poll() {
  while (WaitForNext()) {
    const auto now = version_();
    if (!now.ok() || *now == last_) continue;
    last_ = *now;
    changed_();
  }
}

}  // namespace sallyport::authsvc
