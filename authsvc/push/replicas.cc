#include "authsvc/push/replicas.h"

#include <algorithm>
#include <utility>

namespace sallyport::authsvc {

uint64_t Replicas::Join(std::string name, std::string group, std::string address,
                        uint64_t epoch, uint64_t acknowledged) {
  const base::MutexLock lock(&mutex_);
  const uint64_t id = next_++;
  by_stream_[id] = {std::move(name), std::move(group), std::move(address), epoch, acknowledged,
                    clock_->Now()};
  return id;
}

void Replicas::Leave(uint64_t id) {
  const base::MutexLock lock(&mutex_);
  by_stream_.erase(id);
  changed_.SignalAll();
}

void Replicas::Acknowledge(const std::string& group, const std::string& name, uint64_t epoch,
                           uint64_t revision) {
  const base::MutexLock lock(&mutex_);
  for (auto& [id, replica] : by_stream_) {
    if (replica.group != group || replica.name != name) continue;
    replica.revision = replica.epoch == epoch ? std::max(replica.revision, revision) : revision;
    replica.epoch = epoch;
  }
  changed_.SignalAll();
}

std::vector<ReplicaFacts> Replicas::List() const {
  const base::MutexLock lock(&mutex_);
  std::vector<ReplicaFacts> all;
  for (const auto& [id, replica] : by_stream_) all.push_back(replica);
  return all;
}

uint32_t Replicas::Connected() const {
  const base::MutexLock lock(&mutex_);
  return static_cast<uint32_t>(by_stream_.size());
}

void Replicas::EndWaits() {
  const base::MutexLock lock(&mutex_);
  ending_ = true;
  changed_.SignalAll();
}

bool Replicas::AllAt(uint64_t epoch, uint64_t revision) const {
  return std::all_of(by_stream_.begin(), by_stream_.end(), [epoch, revision](const auto& entry) {
    return entry.second.epoch == epoch && entry.second.revision >= revision;
  });
}

bool Replicas::WaitAcknowledged(uint64_t epoch, uint64_t revision, absl::Duration limit) const {
  const absl::Duration end = clock_->Monotonic() + limit;
  const base::MutexLock lock(&mutex_);
  while (!AllAt(epoch, revision)) {
    const absl::Duration left = end - clock_->Monotonic();
    if (ending_ || left <= absl::ZeroDuration()) return false;
    changed_.WaitWithTimeout(&mutex_, left);
  }
  return true;
}

}  // namespace sallyport::authsvc
