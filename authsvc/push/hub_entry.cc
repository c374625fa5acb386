#include "authsvc/push/hub_entry.h"

namespace sallyport::authsvc {
namespace {

void AddRoutes(const ChangeRecord& record, const std::string& group, v1::Change* change) {
  for (const RouteDelta& delta : record.routes) {
    if (delta.after.Includes(group)) {
      *change->add_routes()->mutable_put() = *delta.route;
    } else if (delta.before.Includes(group)) {
      change->add_routes()->set_removed_api_id(delta.api_id);
    }
  }
  for (const ListenerDelta& delta : record.listeners) {
    if (delta.listener != nullptr) {
      *change->add_routes()->mutable_put_listener() = *delta.listener;
    } else {
      change->add_routes()->set_removed_listener_id(delta.id);
    }
  }
  if (record.gateway != nullptr) *change->add_routes()->mutable_gateway() = *record.gateway;
}

}  // namespace

Hub::Entry::Entry(ChangeRecord from) : record(std::move(from)) {
  bytes = sizeof(Entry);
  for (const RouteDelta& delta : record.routes) {
    bytes += sizeof(RouteDelta) + (delta.route == nullptr ? 0 : 2 * delta.route->ByteSizeLong());
  }
  for (const v1::Eviction& eviction : record.evictions) bytes += 2 * eviction.ByteSizeLong() + 64;
}

std::shared_ptr<const v1::Update> Hub::Entry::For(const std::string& group,
                                                  const std::string& store_id, uint64_t epoch) {
  auto& made = by_group_[group];
  if (made == nullptr) {
    auto update = std::make_shared<v1::Update>();
    update->set_store_id(store_id);
    update->set_epoch(epoch);
    update->set_revision(record.revision);
    AddRoutes(record, group, update->mutable_change());
    for (const v1::Eviction& eviction : record.evictions) {
      *update->mutable_change()->add_evictions() = eviction;
    }
    made = std::move(update);
  }
  return made;
}

}  // namespace sallyport::authsvc
