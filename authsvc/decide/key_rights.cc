#include "authsvc/decide/key_rights.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;
using Policies = absl::InlinedVector<const v1::Policy*, 4>;

bool IsPartitioned(const v1::Policy& policy) {
  return policy.part_quota() || policy.part_rate() || policy.part_acl();
}
bool SetsRights(const v1::Policy& policy) { return policy.part_acl() || !IsPartitioned(policy); }
bool SetsRate(const v1::Policy& policy) { return policy.part_rate() || !IsPartitioned(policy); }
bool SetsQuota(const v1::Policy& policy) { return policy.part_quota() || !IsPartitioned(policy); }

std::optional<Refusal> FindPolicies(const Snapshot& snapshot, const v1::Key& key, KeyRights* out) {
  std::optional<Refusal> refusal;
  const auto refuse = [&](std::string detail) {
    if (!refusal) refusal = Refusal{Reason::kKeyPolicyInvalid, std::move(detail), nullptr};
  };
  for (const std::string& id : key.policy_ids()) {
    const PolicyEntry* entry = snapshot.FindPolicy(id);
    if (entry == nullptr) {
      out->missing_policies.push_back(id);
      refuse(absl::StrCat("policy ", id, " is not there"));
      continue;
    }
    out->policies.push_back(&entry->policy);
    if (entry->policy.org_id() != key.org_id()) {
      refuse(absl::StrCat("policy ", id, " is of another organisation"));
    }
  }
  return refusal;
}

std::optional<Refusal> CheckCombination(const KeyRights& rights) {
  bool per_api = false;
  bool partitioned = false;
  for (const v1::Policy* policy : rights.policies) {
    per_api = per_api || policy->part_per_api();
    partitioned = partitioned || IsPartitioned(*policy);
  }
  if (!per_api || !partitioned) return std::nullopt;
  return Refusal{Reason::kKeyPolicyInvalid,
                 "policies with limits per API and partitioned ones are combined", nullptr};
}

int64_t Earliest(int64_t a, int64_t b) { return a == 0 ? b : b == 0 ? a : std::min(a, b); }

// A policy's life time counts from the making of the key; one whose making is unknown is long over.
void SetExpiry(const v1::Key& key, KeyRights* out) {
  out->expires_unix = key.expires_unix() > 0 ? key.expires_unix() : 0;
  for (const v1::Policy* policy : out->policies) {
    if (policy->key_expires_in_seconds() <= 0) continue;
    out->expires_unix =
        Earliest(out->expires_unix, key.created_unix() + policy->key_expires_in_seconds());
  }
}

std::optional<Refusal> CheckState(const v1::Key& key, const KeyRights& rights, absl::Time now) {
  if (key.inactive())
    return Refusal{Reason::kKeyInactive, absl::StrCat("key ", key.id(), " is inactive"), nullptr};
  for (const v1::Policy* policy : rights.policies) {
    if (policy->inactive()) {
      return Refusal{Reason::kKeyInactive,
                     absl::StrCat("policy ", policy->id(), " of the key is inactive"), nullptr};
    }
  }
  if (rights.expires_unix != 0 && now >= absl::FromUnixSeconds(rights.expires_unix)) {
    return Refusal{Reason::kKeyExpired,
                   absl::StrCat("key expired at ",
                                absl::FormatTime(absl::FromUnixSeconds(rights.expires_unix))),
                   nullptr};
  }
  return std::nullopt;
}

template <typename Rights>
void Collect(const Rights& rights, absl::string_view api_id, KeyRights* out,
             const v1::Policy* policy, Policies* granting) {
  for (const v1::AccessRight& right : rights) {
    if (right.api_id() != api_id) continue;
    out->rights.push_back(&right);
    if (policy != nullptr) granting->push_back(policy);
  }
}

// In the order of generosity, as Tyk's merge has it: 0 is "says nothing" and the least, a negative
// number is "unlimited" and the most.
double Period(const v1::RateLimit& rate) { return rate.per_seconds() > 0 ? rate.per_seconds() : 1; }
double Generosity(const v1::RateLimit& rate) {
  if (rate.rate() < 0) return std::numeric_limits<double>::infinity();
  return rate.rate() > 0 ? rate.rate() / Period(rate) : 0;
}
double Generosity(const v1::Quota& quota) {
  return quota.max() < 0 ? std::numeric_limits<double>::infinity()
                         : static_cast<double>(quota.max());
}
bool SaysSomething(const v1::Limits& limits) {
  return Generosity(limits.rate()) != 0 || Generosity(limits.quota()) != 0;
}

// The more generous of several limits.
template <typename Limit>
class Widest {
 public:
  void Add(const Limit& limit) {
    if (best_ == nullptr || Generosity(limit) > Generosity(*best_)) best_ = &limit;
  }
  void AddWhereUnset(const Limit& limit) {
    if (best_ == nullptr) best_ = &limit;
  }
  // Null: no limit.
  [[nodiscard]] const Limit* get() const {
    const bool limits =
        best_ != nullptr && Generosity(*best_) > 0 && std::isfinite(Generosity(*best_));
    return limits ? best_ : nullptr;
  }

 private:
  const Limit* best_ = nullptr;
};

struct WidestLimits {
  Widest<v1::RateLimit> rate;
  Widest<v1::Quota> quota;

  void WriteTo(KeyLimit* out) const {
    if (const v1::RateLimit* limit = rate.get()) {
      out->rate = limit->rate();
      out->per_seconds = Period(*limit);
    }
    if (const v1::Quota* limit = quota.get()) {
      out->quota_max = limit->max();
      out->quota_renewal_seconds = limit->renewal_seconds();
    }
  }
};

// What shares a counter: everything of the key, or the API alone where the limit is for it.
std::string BucketOf(const v1::Key& key, const v1::Api& api, const KeyRights& rights, bool for_api,
                     const Policies& granting) {
  if (for_api || granting.size() > 1) return absl::StrCat("key:", key.id(), ":", api.id());
  // Several policies that set limits: each counts for itself.
  const bool several =
      std::count_if(rights.policies.begin(), rights.policies.end(), [](const v1::Policy* policy) {
        return SetsRights(*policy) && (SetsRate(*policy) || SetsQuota(*policy));
      }) > 1;
  if (several && !granting.empty())
    return absl::StrCat("policy:", granting.front()->id(), ":key:", key.id());
  return absl::StrCat("key:", key.id());
}

// Limits written at the right itself; true when there are any.
bool AddRightLimits(const KeyRights& rights, WidestLimits* widest) {
  bool any = false;
  for (const v1::AccessRight* right : rights.rights) {
    if (!right->has_limits() || !SaysSomething(right->limits())) continue;
    any = true;
    widest->rate.Add(right->limits().rate());
    widest->quota.Add(right->limits().quota());
  }
  return any;
}

// A policy that grants other APIs limits those, one that grants none limits all. True when one of
// them counts per API.
bool AddPolicyLimits(const KeyRights& rights, const Policies& granting, WidestLimits* widest) {
  bool per_api = false;
  for (const v1::Policy* policy : rights.policies) {
    const bool grants = std::find(granting.begin(), granting.end(), policy) != granting.end();
    if (SetsRights(*policy) && !grants) continue;
    per_api = per_api || policy->part_per_api();
    if (SetsRate(*policy)) widest->rate.Add(policy->limits().rate());
    if (SetsQuota(*policy)) widest->quota.Add(policy->limits().quota());
  }
  return per_api;
}

void SetLimits(const v1::Key& key, const v1::Api& api, const Policies& granting, KeyRights* out) {
  WidestLimits widest;
  bool for_api = AddRightLimits(*out, &widest);
  if (!for_api) {
    for_api = AddPolicyLimits(*out, granting, &widest);
    widest.rate.AddWhereUnset(key.limits().rate());
    widest.quota.AddWhereUnset(key.limits().quota());
  }
  widest.WriteTo(&out->limit);
  if (out->limit.rate == 0 && out->limit.quota_max == 0) return;
  out->limit.bucket = BucketOf(key, api, *out, for_api, granting);
  out->quota_reset_unix = key.quota_reset_unix();
}

std::optional<Refusal> FindRights(const v1::Key& key, const v1::Api& api, KeyRights* out,
                                  Policies* granting) {
  bool by_policy = false;
  for (const v1::Policy* policy : out->policies) {
    if (!SetsRights(*policy)) continue;
    by_policy = true;
    Collect(policy->access_rights(), api.id(), out, policy, granting);
  }
  if (!by_policy) Collect(key.access_rights(), api.id(), out, nullptr, granting);
  if (!out->rights.empty()) return std::nullopt;
  if (key.all_apis() && !by_policy && key.org_id() == api.org_id()) return std::nullopt;
  return Refusal{Reason::kApiNotGranted,
                 absl::StrCat("key ", key.id(), " has no right to API ", api.id()), nullptr};
}

void AddVersions(const v1::AccessRight& right, v1::Grants* grants) {
  for (const std::string& version : right.versions()) {
    const auto& have = grants->versions();
    if (std::find(have.begin(), have.end(), version) == have.end()) grants->add_versions(version);
  }
}

}  // namespace

void ApplyPolicies(const Snapshot& snapshot, const v1::Key& key, const v1::Api& api, absl::Time now,
                   KeyRights* out) {
  auto policies = FindPolicies(snapshot, key, out);
  SetExpiry(key, out);
  out->refusal = CheckState(key, *out, now);
  if (!out->refusal) out->refusal = std::move(policies);
  if (!out->refusal) out->refusal = CheckCombination(*out);
  if (out->refusal) return;
  Policies granting;
  out->refusal = FindRights(key, api, out, &granting);
  if (!out->refusal) SetLimits(key, api, granting, out);
}

bool KeyRights::GrantsVersion(absl::string_view version) const {
  bool restricted = false;
  for (const v1::AccessRight* right : rights) {
    for (const std::string& granted : right->versions()) {
      if (granted == version) return true;
      restricted = true;
    }
  }
  return !restricted;
}

void GrantRights(const KeyRights& rights, const v1::Api& api, v1::Grants* grants) {
  const bool by_version = api.versioning().enabled() && !api.versioning().rights_of_api();
  for (const v1::AccessRight* right : rights.rights) {
    if (by_version) AddVersions(*right, grants);
    for (const v1::PathRule& rule : right->allowed_urls()) {
      v1::UrlGrant* grant = grants->add_urls();
      grant->set_path_regex(rule.ignore_case() ? absl::StrCat("(?i)", rule.path()) : rule.path());
      *grant->mutable_methods() = rule.methods();
    }
  }
  grants->set_all_versions(grants->versions().empty());
}

void GrantLimits(const KeyRights& rights, const v1::Api& api, v1::Grants* grants) {
  const bool rate = rights.limit.rate > 0 && !api.disable_rate_limit();
  const bool quota = rights.limit.quota_max > 0 && !api.disable_quota();
  if (!rate && !quota) return;
  v1::LimitGrant* const grant = grants->add_limits();
  grant->set_bucket(rights.limit.bucket);
  if (rate) {
    grant->set_rate(rights.limit.rate);
    grant->set_per_seconds(rights.limit.per_seconds);
  }
  if (quota) {
    grant->set_quota_max(rights.limit.quota_max);
    grant->set_quota_renewal_seconds(rights.limit.quota_renewal_seconds);
  }
  grant->set_reset_unix(rights.quota_reset_unix);
}

}  // namespace sallyport::authsvc
