#include "authsvc/push/replicas.h"

#include <algorithm>
#include <utility>

namespace sallyport::authsvc {

namespace {

constexpr absl::Duration kRemembered = absl::Hours(1);
constexpr size_t kMostGone = 1000;

bool SameName(const ReplicaFacts& a, const ReplicaFacts& b) {
  return a.name == b.name && a.group == b.group;
}

}  // namespace

uint64_t Replicas::Join(ReplicaFacts replica) {
  const base::MutexLock lock(&mutex_);
  gone_.erase(
      std::remove_if(gone_.begin(), gone_.end(),
                     [&replica](const ReplicaFacts& other) { return SameName(other, replica); }),
      gone_.end());
  replica.connected = clock_->Now();
  replica.gone = absl::InfinitePast();
  const uint64_t id = next_++;
  by_stream_[id] = std::move(replica);
  return id;
}

bool Replicas::IsConnected(const ReplicaFacts& replica) const {
  return std::any_of(by_stream_.begin(), by_stream_.end(),
                     [&replica](const auto& entry) { return SameName(entry.second, replica); });
}

void Replicas::Leave(uint64_t id) {
  const base::MutexLock lock(&mutex_);
  const auto found = by_stream_.find(id);
  if (found != by_stream_.end()) {
    ReplicaFacts replica = std::move(found->second);
    by_stream_.erase(found);
    replica.gone = clock_->Now();
    // Its next stream may have begun before this one was seen to end.
    if (!IsConnected(replica)) gone_.push_back(std::move(replica));
    Forget();
  }
  changed_.SignalAll();
}

void Replicas::Forget() const {
  const absl::Time oldest = clock_->Now() - kRemembered;
  while (!gone_.empty() && (gone_.front().gone < oldest || gone_.size() > kMostGone))
    gone_.pop_front();
}

std::vector<ReplicaFacts> Replicas::Gone() const {
  const base::MutexLock lock(&mutex_);
  Forget();
  return {gone_.begin(), gone_.end()};
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
