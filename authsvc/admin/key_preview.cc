#include "authsvc/admin/key_preview.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::admin {
namespace {

void AddRight(const v1::AccessRight& right, v1::Key* key) {
  for (const v1::AccessRight& own : key->access_rights()) {
    if (own.api_id() == right.api_id()) return;
  }
  *key->add_access_rights() = right;
}

void Merge(const v1::Policy& policy, bool first, v1::Key* key) {
  const bool all =
      !policy.part_quota() && !policy.part_rate() && !policy.part_acl() && !policy.part_per_api();
  if (all || policy.part_acl() || policy.part_per_api()) {
    if (first) key->clear_access_rights();
    for (const v1::AccessRight& right : policy.access_rights()) AddRight(right, key);
  }
  if ((all || policy.part_rate()) && policy.limits().has_rate()) {
    *key->mutable_limits()->mutable_rate() = policy.limits().rate();
  }
  if ((all || policy.part_quota()) && policy.limits().has_quota()) {
    *key->mutable_limits()->mutable_quota() = policy.limits().quota();
  }
  if (policy.inactive()) key->set_inactive(true);
  for (const std::string& tag : policy.tags()) key->add_tags(tag);
  for (const auto& [name, value] : policy.metadata()) (*key->mutable_metadata())[name] = value;
}

}  // namespace

absl::Status MergePolicies(const Snapshot& snapshot, v1::Key* key) {
  const std::vector<std::string> ids(key->policy_ids().begin(), key->policy_ids().end());
  bool first = true;
  for (const std::string& id : ids) {
    const PolicyEntry* entry = snapshot.FindPolicy(id);
    if (entry == nullptr) return absl::NotFoundError(absl::StrCat("Policy not found: ", id));
    Merge(entry->policy, first, key);
    first = false;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::admin
