#include "authsvc/push/hub.h"

#include <algorithm>

#include "authsvc/push/hub_entry.h"
#include "authsvc/push/subscription_part.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {

Hub::Hub(std::shared_ptr<const Snapshot> first, HubOptions options)
    : options_(std::move(options)),
      snapshot_(std::move(first)),
      oldest_base_(snapshot_->revision()),
      server_version_(snapshot_->revision()) {}

Hub::~Hub() = default;

void Hub::Publish(std::shared_ptr<const Snapshot> now, ChangeRecord record) {
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    const bool same_line = now->store_id() == snapshot_->store_id() &&
                           now->epoch() == snapshot_->epoch() &&
                           record.base_revision == snapshot_->revision();
    snapshot_ = std::move(now);
    if (record.gateway != nullptr) server_version_ = snapshot_->revision();
    if (same_line) {
      Append(std::move(record));
    } else {
      Restart();
    }
    wakes = Wakes();
  }
  for (const auto& wake : wakes) wake();
}

void Hub::Append(ChangeRecord record) {
  auto entry = std::make_unique<Entry>(std::move(record));
  history_bytes_ += entry->bytes;
  history_.push_back(std::move(entry));
  Trim();
}

void Hub::Reset(std::shared_ptr<const Snapshot> now) {
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    snapshot_ = std::move(now);
    server_version_ = snapshot_->revision();
    Restart();
    wakes = Wakes();
  }
  for (const auto& wake : wakes) wake();
}

// Another store, epoch or an unknown distance: nobody can go on from where they are.
void Hub::Restart() {
  history_.clear();
  history_bytes_ = 0;
  oldest_base_ = snapshot_->revision();
  for (auto& [id, subscription] : subscribers_) subscription->stale_ = true;
}

void Hub::Trim() {
  while (history_.size() > options_.history_changes || history_bytes_ > options_.history_bytes) {
    oldest_base_ = history_.front()->record.revision;
    history_bytes_ -= history_.front()->bytes;
    history_.pop_front();
  }
}

std::vector<std::function<void()>> Hub::Wakes() const {
  std::vector<std::function<void()>> wakes;
  for (const auto& [id, subscription] : subscribers_) wakes.push_back(subscription->wake_);
  return wakes;
}

void Hub::Beat() {
  std::vector<std::function<void()>> wakes;
  {
    const base::MutexLock lock(&mutex_);
    ++tick_;
    wakes = Wakes();
  }
  for (const auto& wake : wakes) wake();
}

bool Hub::IsBehind(const v1::ResumeToken& token) const {
  const base::MutexLock lock(&mutex_);
  return token.store_id() == snapshot_->store_id() && token.epoch() == snapshot_->epoch() &&
         token.revision() > snapshot_->revision();
}

bool Hub::CanResume(const v1::ResumeToken& token) const {
  return token.store_id() == snapshot_->store_id() && token.epoch() == snapshot_->epoch() &&
         token.revision() <= snapshot_->revision() && token.revision() >= oldest_base_;
}

std::shared_ptr<Subscription> Hub::Subscribe(std::string group, const v1::ResumeToken* resume,
                                             std::function<void()> wake) {
  std::shared_ptr<Subscription> subscription(
      new Subscription(this, std::move(group), std::move(wake)));
  const base::MutexLock lock(&mutex_);
  if (resume != nullptr && CanResume(*resume)) {
    subscription->position_ = resume->revision();
    subscription->resumed_from_ = resume->revision();
    subscription->stale_ = false;
  }
  subscription->id_ = next_id_++;
  subscribers_[subscription->id_] = subscription.get();
  return subscription;
}

std::shared_ptr<const v1::Update> Hub::NextChange(Subscription* subscription) {
  if (subscription->stale_ || subscription->position_ < oldest_base_) {
    subscription->part_ = std::make_unique<Subscription::Part>(snapshot_, server_version_);
    subscription->stale_ = false;
    return nullptr;
  }
  const auto next = std::upper_bound(
      history_.begin(), history_.end(), subscription->position_,
      [](uint64_t position, const auto& entry) { return position < entry->record.revision; });
  if (next == history_.end()) return nullptr;
  subscription->position_ = (*next)->record.revision;
  return (*next)->For(subscription->group_, snapshot_->store_id(), snapshot_->epoch());
}

std::shared_ptr<const v1::Update> Hub::HeartbeatFor(Subscription* subscription) {
  if (subscription->heartbeat_ == tick_) return nullptr;
  subscription->heartbeat_ = tick_;
  auto update = std::make_shared<v1::Update>();
  update->set_store_id(snapshot_->store_id());
  update->set_epoch(snapshot_->epoch());
  update->set_revision(subscription->position_);
  v1::Heartbeat* beat = update->mutable_heartbeat();
  if (options_.proof_age_ms) beat->set_proof_age_ms(options_.proof_age_ms());
  if (options_.connected_replicas) beat->set_connected_replicas(options_.connected_replicas());
  return update;
}

void Hub::Remove(uint64_t id) {
  const base::MutexLock lock(&mutex_);
  subscribers_.erase(id);
}

size_t Hub::subscriptions() const {
  const base::MutexLock lock(&mutex_);
  return subscribers_.size();
}

}  // namespace sallyport::authsvc
