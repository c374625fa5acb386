#include "authsvc/push/route_of.h"
#include "authsvc/push/served_versions.h"
#include "authsvc/push/subscription_part.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kPage = 64;

void AddFixedParts(const Snapshot& snapshot, uint64_t version, v1::SnapshotPart* part) {
  *part->add_routes()->mutable_gateway() = GatewayFactsOf(snapshot, version);
  snapshot.ForEachListener([part](const ListenerEntry& entry) {
    *part->add_routes()->mutable_put_listener() = entry.listener;
    return true;
  });
  if (const auto versions = ServedVersions(snapshot))
    *part->add_routes()->mutable_put_listener() = *versions;
}

}  // namespace

const ApiEntry* Subscription::Part::Peek() {
  if (at_ == page_.entries.size()) {
    if (started_ && page_.next.empty()) return nullptr;
    page_ = snapshot->ListApis(nullptr, page_.next, kPage);
    at_ = 0;
    started_ = true;
    if (page_.entries.empty()) return nullptr;
  }
  return page_.entries[at_];
}

std::shared_ptr<const v1::Update> Subscription::Part::Next(const std::string& group, size_t limit) {
  auto update = std::make_shared<v1::Update>();
  update->set_store_id(snapshot->store_id());
  update->set_epoch(snapshot->epoch());
  update->set_revision(snapshot->revision());
  v1::SnapshotPart* part = update->mutable_snapshot();
  part->set_first(!started_);
  if (!started_) AddFixedParts(*snapshot, version, part);
  size_t size = part->ByteSizeLong();
  bool any = false;
  while (const ApiEntry* entry = Peek()) {
    if (AudienceOf(*entry).Includes(group)) {
      v1::Route route = RouteOf(*snapshot, *entry);
      const size_t more = route.ByteSizeLong() + 16;
      if (any && size + more > limit) return update;
      *part->add_routes()->mutable_put() = std::move(route);
      size += more;
      any = true;
    }
    ++at_;
  }
  part->set_last(true);
  done_ = true;
  return update;
}

Subscription::Subscription(Hub* hub, std::string group, std::function<void()> wake)
    : hub_(hub), group_(std::move(group)), wake_(std::move(wake)) {}

Subscription::~Subscription() { hub_->Remove(id_); }

std::shared_ptr<const v1::Update> Subscription::TakeSnapshotPart() {
  auto update = part_->Next(group_, hub_->options_.part_bytes);
  if (part_->done()) {
    position_ = part_->snapshot->revision();
    part_.reset();
  }
  return update;
}

std::shared_ptr<const v1::Update> Subscription::Take() {
  if (part_ == nullptr) {
    const base::MutexLock lock(&hub_->mutex_);
    if (auto update = hub_->NextChange(this)) return update;
    if (part_ == nullptr) return hub_->HeartbeatFor(this);
  }
  return TakeSnapshotPart();
}

}  // namespace sallyport::authsvc
