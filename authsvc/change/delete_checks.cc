// DESIGN 6: what only says who a caller is goes at once, and the answer names whom that cuts off;
// what the system itself uses stays until nobody uses it, or until somebody insists.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/change/checks.h"
#include "authsvc/snapshot/references.h"
#include "authsvc/snapshot/resource.h"

namespace sallyport::authsvc {
namespace {

std::string UserText(const CertificateUse& use) {
  return absl::StrCat(KindName(use.kind), " ", use.id);
}

// Uses that the delete leaves without an answer: by id, and by a stable name that nobody took over.
std::vector<CertificateUse> BrokenUses(const CheckContext& context, absl::string_view id) {
  const auto* old = context.before.FindCertificateById(id);
  const std::string org = old == nullptr ? std::string() : std::string(old->org_id());
  std::vector<CertificateUse> uses = context.after.WhoUses(org, id);
  if (old == nullptr || old->name.empty()) return uses;
  const std::string name = absl::StrCat(kNamePrefix, old->name);
  if (context.after.FindCertificate(org, name) != nullptr) return uses;
  for (auto& use : context.after.WhoUses(org, name)) uses.push_back(std::move(use));
  return uses;
}

absl::Status CheckCertificateDelete(const CheckContext& context, absl::string_view id, bool force,
                                    std::vector<std::string>* cut_off) {
  std::vector<std::string> system;
  for (const auto& use : BrokenUses(context, id)) {
    const std::string text = UserText(use);
    if (IsSystemUse(use.how)) system.push_back(absl::StrCat(text, " (", use.how, ")"));
    if (std::find(cut_off->begin(), cut_off->end(), text) == cut_off->end()) {
      cut_off->push_back(text);
    }
  }
  if (system.empty() || force) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("certificate ", id, " is in use by ", absl::StrJoin(system, ", ")));
}

absl::Status CheckBundleDelete(const CheckContext& context, absl::string_view id, bool force) {
  std::vector<std::string> users;
  const std::string key = BundleKey(id);
  context.after.index().uses.VisitFrom(absl::string_view(key), [&](const UseItem& use) {
    if (use.key != key) return false;
    users.push_back(absl::StrCat(KindName(use.kind), " ", use.id));
    return true;
  });
  if (users.empty() || force) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("trust bundle ", id, " is in use by ", absl::StrJoin(users, ", ")));
}

// The places of a Secret or ConfigMap that is gone: as for a certificate.
absl::Status CheckDataDelete(const CheckContext& context, Kind kind, absl::string_view id,
                             bool force, std::vector<std::string>* cut_off) {
  std::vector<std::string> system;
  for (const std::string& key : DataKeysOf(context.before, kind, id)) {
    context.after.index().uses.VisitFrom(absl::string_view(key), [&](const UseItem& use) {
      if (use.key != key) return false;
      const std::string text = absl::StrCat(KindName(use.kind), " ", use.id);
      if (IsSystemUse(use.how)) system.push_back(absl::StrCat(text, " (", use.how, ")"));
      if (std::find(cut_off->begin(), cut_off->end(), text) == cut_off->end())
        cut_off->push_back(text);
      return true;
    });
  }
  if (system.empty() || force) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(KindName(kind), " ", id, " is in use by ", absl::StrJoin(system, ", ")));
}

}  // namespace

absl::Status CheckDelete(const CheckContext& context, Kind kind, absl::string_view id, bool force,
                         std::vector<std::string>* cut_off) {
  if (kind == Kind::kCertificate) return CheckCertificateDelete(context, id, force, cut_off);
  if (kind == Kind::kTrustBundle) return CheckBundleDelete(context, id, force);
  if (kind == Kind::kSecret || kind == Kind::kConfigMap)
    return CheckDataDelete(context, kind, id, force, cut_off);
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
