// Tyk policy -> Policy, and back (reference tyk.md §2.3).
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/references.h"
#include "authsvc/dialects/tyk_access.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_other_fields.h"
#include "authsvc/dialects/tyk_render.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr FieldRule kPolicy[] = {
    {"_id", Use::kUsed},
    {"id", Use::kUsed},
    {"name", Use::kUsed},
    {"org_id", Use::kUsed},
    {"rate", Use::kUsed},
    {"per", Use::kUsed},
    {"quota_max", Use::kUsed},
    {"quota_renewal_rate", Use::kUsed},
    {"access_rights", Use::kUsed},
    {"access_rights_array", Use::kUsed},
    {"active", Use::kUsed},
    {"state", Use::kUsed},
    {"is_inactive", Use::kUsed},
    {"tags", Use::kUsed},
    {"key_expires_in", Use::kUsed},
    {"partitions", Use::kUsed},
    {"meta_data", Use::kUsed},
    {"hmac_enabled", Use::kRefused, "HMAC signatures do not exist here"},
    {"enable_http_signature_validation", Use::kRefused, "HMAC signatures do not exist here"},
    {"max_query_depth", Use::kRefused, "limits of GraphQL do not exist here"},
    {"graphql_access_rights", Use::kRefused, "limits of GraphQL do not exist here"},
    {"throttle_interval", Use::kInert, "throttling does not exist here"},
    {"throttle_retry_limit", Use::kInert, "throttling does not exist here"},
    {"post_expiry_action", Use::kKept},
    {"post_expiry_grace_period", Use::kKept},
    {"last_updated", Use::kKept},
    {"date_created", Use::kKept},
    {"smoothing", Use::kInert},
};

constexpr FieldRule kPartitions[] = {
    {"quota", Use::kUsed},
    {"rate_limit", Use::kUsed},
    {"acl", Use::kUsed},
    {"per_api", Use::kUsed},
    {"complexity", Use::kRefused, "limits of GraphQL do not exist here"},
};

bool Inactive(const Fields& top) {
  if (top.Flag("is_inactive")) return true;
  const std::string state = top.Text("state");
  if (!state.empty() && state != "active") {
    if (state != "draft" && state != "deny") top.Refuse("state", "must be active, draft or deny");
    return true;
  }
  if (top.Flag("active", true)) return false;
  top.Warn("active", "is false: keys with this policy do not work");
  return true;
}

void Partitions(const Fields& top, v1::Policy* policy) {
  const Fields parts = top.Object("partitions");
  parts.Check(TykPartitionsRules());
  policy->set_part_quota(parts.Flag("quota"));
  policy->set_part_rate(parts.Flag("rate_limit"));
  policy->set_part_acl(parts.Flag("acl"));
  policy->set_part_per_api(parts.Flag("per_api"));
  if (policy->part_per_api() &&
      (policy->part_quota() || policy->part_rate() || policy->part_acl())) {
    top.Refuse("partitions", "per_api cannot be combined with other partitions");
  }
}

}  // namespace

bool IsTykPolicy(const Node& document) {
  if (!document.IsObject() || document.Find("kind") != nullptr ||
      document.Find("proxy") != nullptr) {
    return false;
  }
  return document.Find("access_rights") != nullptr || document.Find("partitions") != nullptr;
}

Conversion ConvertTykPolicy(const Node& document, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "a policy must be an object");
    return out;
  }
  top.Check(TykPolicyRules());
  v1::Policy policy;
  policy.set_id(top.Has("id") && !top.Text("id").empty() ? top.Text("id") : top.Text("_id"));
  if (policy.id().find_first_of("/?# ") != std::string::npos) {
    top.Refuse("id", "must not contain blanks, '/', '?' or '#'");
  }
  policy.set_org_id(top.Has("org_id") ? top.Text("org_id") : options.org_id);
  policy.set_name(top.Text("name"));
  policy.set_inactive(Inactive(top));
  ReadAccessRights(top, true, policy.mutable_access_rights());
  v1::Limits limits;
  FillLimits(top, &limits);
  if (limits.has_rate() || limits.has_quota()) *policy.mutable_limits() = std::move(limits);
  const int64_t expires = top.Integer("key_expires_in");
  if (expires < -1) top.Refuse("key_expires_in", "must be seconds, or 0 for never");
  policy.set_key_expires_in_seconds(expires < 0 ? 0 : expires);
  for (const std::string& tag : top.Texts("tags")) policy.add_tags(tag);
  ReadMetadata(top, policy.mutable_metadata());
  Partitions(top, &policy);
  Converted converted;
  converted.resource.set_id(policy.id());
  converted.resource.set_dialect(std::string(kTykPolicy));
  converted.resource.set_document(ToJson(KeptDocument(document, policy.org_id())));
  *converted.resource.mutable_policy() = std::move(policy);
  out.resources.push_back(std::move(converted));
  return out;
}

std::string TykPolicyJson(const v1::Resource& resource) {
  const v1::Policy& policy = resource.policy();
  Json out = OriginalDocument(resource, kTykPolicy);
  if (!out.is_null()) return Text(out);
  out = Json::object();
  out["id"] = policy.id();
  out["name"] = policy.name();
  out["org_id"] = policy.org_id();
  PutLimits(policy.limits(), &out);
  out["access_rights"] = AccessRightsJson(policy.access_rights());
  out["active"] = !policy.inactive();
  out["is_inactive"] = policy.inactive();
  out["key_expires_in"] = policy.key_expires_in_seconds();
  out["tags"] = policy.tags();
  out["meta_data"] = Json::object();
  for (const auto& [name, value] : policy.metadata()) out["meta_data"][name] = value;
  out["partitions"] = {{"quota", policy.part_quota()},
                       {"rate_limit", policy.part_rate()},
                       {"acl", policy.part_acl()},
                       {"per_api", policy.part_per_api()}};
  return Text(out);
}

ObjectRules TykPolicyRules() { return {kPolicy, false}; }
ObjectRules TykPartitionsRules() { return {kPartitions, true}; }

}  // namespace sallyport::authsvc::dialects
