#include "authsvc/push/served_versions.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kObjectsAtOnce = 256;

using LastWritten = std::map<std::string, const DialectObjectEntry*>;  // by server name

bool HasVersions(const v1::DialectObject& object) {
  return !object.min_version().empty() || !object.max_version().empty();
}

void AddNames(const DialectObjectEntry& entry, LastWritten* last) {
  if (!HasVersions(entry.object)) return;
  for (const std::string& name : entry.object.server_names()) {
    const DialectObjectEntry*& held = (*last)[name];
    if (held == nullptr || held->revision <= entry.revision) held = &entry;
  }
}

// What an object says of the versions of its names; nothing: nothing.
std::vector<std::string> SaidBy(const Snapshot& snapshot, absl::string_view id) {
  const DialectObjectEntry* const entry = snapshot.FindDialectObject(id);
  if (entry == nullptr || !HasVersions(entry->object)) return {};
  const v1::DialectObject& object = entry->object;
  std::vector<std::string> all = {object.min_version(), object.max_version(),
                                  std::to_string(entry->revision)};
  all.insert(all.end(), object.server_names().begin(), object.server_names().end());
  return all;
}

}  // namespace

bool ServedVersionsDiffer(const Snapshot& before, const Snapshot& after,
                          absl::string_view object_id) {
  return SaidBy(before, object_id) != SaidBy(after, object_id);
}

std::shared_ptr<const v1::Listener> ServedVersions(const Snapshot& snapshot) {
  LastWritten last;
  std::string token;
  do {
    const auto page = snapshot.ListDialectObjects(nullptr, token, kObjectsAtOnce);
    for (const DialectObjectEntry* const entry : page.entries) AddNames(*entry, &last);
    token = page.next;
  } while (!token.empty());
  if (last.empty()) return nullptr;
  auto listener = std::make_shared<v1::Listener>();
  listener->set_id(std::string(kServedVersionsId));
  std::map<std::pair<std::string, std::string>, v1::ServerNameTls*> by_versions;
  for (const auto& [name, entry] : last) {
    const v1::DialectObject& object = entry->object;
    v1::ServerNameTls*& names = by_versions[{object.min_version(), object.max_version()}];
    if (names == nullptr) {
      names = listener->add_server_name_tls();
      names->set_min_version(object.min_version());
      names->set_max_version(object.max_version());
    }
    names->add_server_names(name);
  }
  return listener;
}

}  // namespace sallyport::authsvc
