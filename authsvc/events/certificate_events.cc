#include "authsvc/events/certificate_events.h"

#include <map>

#include "absl/strings/str_cat.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {
namespace {

bool Hears(const v1::Api& api, EventKind kind) {
  for (const v1::EventHandler& handler : api.event_handlers()) {
    if (handler.event() == EventName(kind)) return true;
  }
  return false;
}

absl::string_view RoleOf(absl::string_view how) {
  if (how == "client certificate") return "upstream";
  return how == "server certificate" ? "server" : "client";
}

// API -> the certificate's role there.
std::map<std::string, std::string> ApisOf(const Snapshot& snapshot,
                                          const CertificateEntry& certificate) {
  std::map<std::string, std::string> apis;
  std::vector<CertificateUse> uses = snapshot.WhoUses(certificate.org_id(), certificate.id);
  if (!certificate.name.empty()) {
    const auto named =
        snapshot.WhoUses(certificate.org_id(), absl::StrCat("name:", certificate.name));
    uses.insert(uses.end(), named.begin(), named.end());
  }
  for (const CertificateUse& use : uses) {
    if (use.kind == Kind::kApi) apis.emplace(use.id, RoleOf(use.how));
    const KeyEntry* const key = use.kind == Kind::kKey ? snapshot.FindKey(use.id) : nullptr;
    if (key == nullptr) continue;
    for (const v1::AccessRight& right : key->key.access_rights())
      apis.emplace(right.api_id(), "client");
    for (const std::string& id : key->key.policy_ids()) {
      const PolicyEntry* const policy = snapshot.FindPolicy(id);
      if (policy == nullptr) continue;
      for (const v1::AccessRight& right : policy->policy.access_rights())
        apis.emplace(right.api_id(), "client");
    }
  }
  return apis;
}

}  // namespace

std::vector<Event> CertificateEvents(const Snapshot& snapshot, const CertificateEntry& certificate,
                                     absl::Time now) {
  std::vector<Event> events;
  const absl::Duration left = absl::FromUnixSeconds(certificate.not_after_unix) - now;
  const EventKind kind = left > absl::ZeroDuration() ? EventKind::kCertificateExpiringSoon
                                                     : EventKind::kCertificateExpired;
  const absl::Duration away = absl::AbsDuration(left);
  const int64_t days = absl::ToInt64Hours(away) / 24;
  const int64_t hours = absl::ToInt64Hours(away) % 24;
  const auto chain = certificate.Chain();
  const std::string name = chain.ok() && !chain->empty() ? chain->front()->subject : certificate.id;
  for (const auto& [api_id, role] : ApisOf(snapshot, certificate)) {
    const ApiEntry* const api = snapshot.FindApi(api_id);
    if (api == nullptr || !Hears(api->api, kind)) continue;
    Event& event = events.emplace_back();
    event.kind = kind;
    event.api_id = api_id;
    event.subject = certificate.id;
    const bool soon = kind == EventKind::kCertificateExpiringSoon;
    event.message =
        absl::StrCat("Certificate ", name, soon ? " is expiring in " : " is expired since ", days,
                     " days and ", hours, " hours");
    event.facts = {
        {"cert_id", certificate.id},
        {"cert_name", name},
        {"cert_role", role},
        {soon ? "expires_at" : "expired_at",
         absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(certificate.not_after_unix),
                          absl::UTCTimeZone())},
        {soon ? "days_remaining" : "days_since_expiry", absl::StrCat(days)}};
  }
  return events;
}

}  // namespace sallyport::authsvc
