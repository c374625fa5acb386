#include "authsvc/apisix/stored_objects.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc::apisix {
namespace {

Json Parse(const v1::DialectObject& object) {
  Json document = Json::parse(object.json(), nullptr, false);
  return document.is_object() ? document : Json::object();
}

}  // namespace

const StoredObjects::Held* StoredObjects::Hold(const v1::DialectObject& object) const {
  Held& held = read_[object.id()];
  if (held.object == nullptr) {
    held.object = &object;
    held.document = Parse(object);
  }
  return &held;
}

dialect::Object StoredObjects::Find(absl::string_view collection, absl::string_view id) const {
  const std::string stored = dialect::StoredId(collection, id);
  if (const auto at = written_.find(stored); at != written_.end()) {
    if (!at->second.has_value()) return {};
    return {at->second->object, &at->second->document};
  }
  const DialectObjectEntry* const entry = snapshot_->FindDialectObject(stored);
  if (entry == nullptr) return {};
  const Held* const held = Hold(entry->object);
  return {held->object, &held->document};
}

void StoredObjects::ForEachStored(
    absl::string_view collection,
    absl::FunctionRef<void(absl::string_view id, const v1::DialectObject&)> visit) const {
  const std::string prefix = dialect::StoredId(collection, "");
  // Both are in the order of their ids.
  auto at = written_.lower_bound(prefix);
  const auto visit_written_before = [&](const std::string* id) {
    while (at != written_.end() && absl::StartsWith(at->first, prefix) &&
           (id == nullptr || at->first < *id)) {
      if (at->second.has_value())
        visit(absl::string_view(at->first).substr(prefix.size()), *at->second->object);
      ++at;
    }
  };
  snapshot_->ForEachDialectObject(dialect::kOrg, prefix, [&](const DialectObjectEntry& entry) {
    const std::string& id = entry.object.id();
    visit_written_before(&id);
    if (written_.count(id) == 0) visit(absl::string_view(id).substr(prefix.size()), entry.object);
    return true;
  });
  visit_written_before(nullptr);
}

void StoredObjects::ForEach(
    absl::string_view collection,
    absl::FunctionRef<void(absl::string_view id, const dialect::Object&)> visit) const {
  ForEachStored(collection, [&](absl::string_view id, const v1::DialectObject&) {
    visit(id, Find(collection, id));
  });
}

void StoredObjects::Put(v1::DialectObject object) {
  Held held;
  held.document = Parse(object);
  const std::string id = object.id();
  held.own = std::make_unique<v1::DialectObject>(std::move(object));
  held.object = held.own.get();
  written_[id] = std::move(held);
}

void StoredObjects::Remove(absl::string_view collection, absl::string_view id) {
  written_[dialect::StoredId(collection, id)] = std::nullopt;
}

}  // namespace sallyport::authsvc::apisix
