#include "authsvc/rpc/watch_log.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace sallyport::authsvc {

void WatchLog::Add(uint64_t revision, Kind kind, std::string id, bool deleted) {
  const base::MutexLock lock(&mutex_);
  items_.push_back({next_++, revision, kind, std::move(id), deleted});
  while (items_.size() > most_) {
    base_ = items_.front().revision;
    items_.pop_front();
  }
}

void WatchLog::Announce() {
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    for (const auto& [id, wake] : listeners_) wakes.push_back(wake);
  }
  for (const auto& wake : wakes) wake();
}

void WatchLog::Restart(uint64_t revision) {
  {
    const base::MutexLock lock(&mutex_);
    items_.clear();
    base_ = revision;
    ++next_;  // whoever stands before this number has lost something
  }
  Announce();
}

void WatchLog::Close() {
  {
    const base::MutexLock lock(&mutex_);
    closed_ = true;
  }
  Announce();
}

bool WatchLog::closed() const {
  const base::MutexLock lock(&mutex_);
  return closed_;
}

std::optional<uint64_t> WatchLog::PositionAfter(uint64_t revision) const {
  const base::MutexLock lock(&mutex_);
  if (revision == 0) return next_ - 1;
  if (revision < base_) return std::nullopt;
  const auto first = std::find_if(items_.begin(), items_.end(), [revision](const WatchItem& item) {
    return item.revision > revision;
  });
  return (first == items_.end() ? next_ : first->number) - 1;
}

std::optional<WatchItem> WatchLog::After(uint64_t position, bool* lost) const {
  const base::MutexLock lock(&mutex_);
  const uint64_t wanted = position + 1;
  const uint64_t first = items_.empty() ? next_ : items_.front().number;
  *lost = wanted < first;
  if (*lost || wanted >= next_) return std::nullopt;
  return items_[wanted - first];
}

uint64_t WatchLog::AddListener(std::function<void()> wake) {
  const base::MutexLock lock(&mutex_);
  listeners_[next_listener_] = std::move(wake);
  return next_listener_++;
}

void WatchLog::RemoveListener(uint64_t id) {
  const base::MutexLock lock(&mutex_);
  listeners_.erase(id);
}

}  // namespace sallyport::authsvc
