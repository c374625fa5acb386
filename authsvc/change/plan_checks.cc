#include "authsvc/change/plan_checks.h"

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/resource.h"

namespace sallyport::authsvc {
namespace {

// Emptying the gateway's list must not leave an API whose allowlist is on and empty at every level.
absl::Status CheckStaticApis(const CheckContext& context) {
  const auto empty = [](const Snapshot& snapshot) {
    return snapshot.settings().settings.client_allowlist().empty();
  };
  if (empty(context.before) || !empty(context.after)) return absl::OkStatus();
  std::string found;
  context.after.ForEachApi([&](const ApiEntry& entry) {
    const auto& tls = entry.api.client_tls();
    if (tls.static_mtls() != v1::REQUIREMENT_OFF && tls.allowlist().empty()) found = entry.api.id();
    return found.empty();
  });
  if (found.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("API ", found,
                   " has static mTLS on and lists no certificate of its own: it needs the "
                   "gateway's list"));
}

}  // namespace

absl::Status CheckPlan(const CheckContext& context, const std::vector<SnapshotChange>& changes,
                       Plan* plan, std::vector<std::string>* cut_off) {
  for (const auto* list : {&plan->changes, &plan->unchanged}) {
    for (const auto& change : *list) {
      Warnings warnings;
      const absl::Status status =
          change.erase ? CheckDelete(context, change.kind, change.id, change.force, cut_off)
                       : CheckResource(context, change.resource, &warnings);
      if (!status.ok()) return AtMutation(status, change.mutation);
      if (change.result == kNoResult) continue;
      auto& all = plan->results[change.result].warnings;
      all.insert(all.end(), warnings.begin(), warnings.end());
    }
  }
  for (const auto& change : changes) {
    if (!change.recompiled || change.kind != Kind::kKey) continue;
    const KeyEntry* entry = context.after.FindKey(change.id);
    if (entry == nullptr) continue;
    if (auto status = CheckKeyIsOnlyOne(context.after, *entry); !status.ok()) return status;
  }
  return CheckStaticApis(context);
}

}  // namespace sallyport::authsvc
