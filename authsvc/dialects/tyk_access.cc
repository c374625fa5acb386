#include "authsvc/dialects/tyk_access.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_other_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kNoGraphqlLimits = "limits of GraphQL do not exist here";

constexpr FieldRule kAccess[] = {
    {"api_name", Use::kUsed},
    {"api_id", Use::kUsed},
    {"versions", Use::kUsed},
    {"allowed_urls", Use::kUsed},
    {"limit", Use::kUsed},
    {"allowance_scope", Use::kKept},
    {"endpoints", Use::kRefused, "rate limits by endpoint do not exist here"},
    {"field_access_rights", Use::kRefused, kNoGraphqlLimits},
    {"restricted_types", Use::kRefused, kNoGraphqlLimits},
    {"allowed_types", Use::kRefused, kNoGraphqlLimits},
    {"disable_introspection", Use::kRefused, kNoGraphqlLimits},
    {"name", Use::kKept},
    {"namespace", Use::kKept},
    {"json_rpc_methods", Use::kRefused},
    {"json_rpc_methods_access_rights", Use::kRefused},
    {"mcp_access_rights", Use::kRefused},
};

constexpr FieldRule kLimit[] = {
    {"rate", Use::kUsed},
    {"per", Use::kUsed},
    {"quota_max", Use::kUsed},
    {"quota_renewal_rate", Use::kUsed},
    {"quota_renews", Use::kKept},
    {"quota_remaining", Use::kKept},
    {"throttle_interval", Use::kInert, "throttling does not exist here"},
    {"throttle_retry_limit", Use::kInert, "throttling does not exist here"},
    {"max_query_depth", Use::kRefused, kNoGraphqlLimits},
    {"smoothing", Use::kInert},
    {"set_by_policy", Use::kKept},
};

constexpr FieldRule kUrl[] = {{"url", Use::kUsed}, {"methods", Use::kUsed}};

void Urls(const Fields& access, v1::AccessRight* right) {
  const std::vector<Node>& items = access.List("allowed_urls");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields url(&items[i], ItemPath(access.PathOf("allowed_urls"), i), access.out());
    url.Check(TykUrlRules());
    v1::PathRule* rule = right->add_allowed_urls();
    rule->set_path(ReadPathRegex(url, "url", false));
    const std::vector<std::string> methods = url.Texts("methods");
    for (const std::string& method : methods) rule->add_methods(absl::AsciiStrToUpper(method));
    if (rule->path().empty()) url.Refuse("url", "is missing");
    // Tyk grants nothing by an entry without methods; ours would grant all.
    if (methods.empty()) url.Refuse("methods", "is missing: name the methods that are allowed");
  }
}

void Right(const Fields& access, absl::string_view key, v1::AccessRight* right) {
  access.Check(TykAccessRules());
  right->set_api_id(access.Has("api_id") ? access.Text("api_id") : std::string(key));
  right->set_api_name(access.Text("api_name"));
  if (right->api_id().empty()) access.Refuse("api_id", "is missing");
  if (!key.empty() && right->api_id() != key) {
    access.Refuse("api_id", absl::StrCat("differs from the name of the entry, \"", key, "\""));
  }
  for (const std::string& version : access.Texts("versions")) right->add_versions(version);
  Urls(access, right);
  const Fields limit = access.Object("limit");
  limit.Check(TykLimitRules());
  v1::Limits limits;
  FillLimits(limit, &limits);
  if (limits.has_rate() || limits.has_quota()) *right->mutable_limits() = std::move(limits);
}

}  // namespace

void FillLimits(const Fields& object, v1::Limits* limits) {
  ReadRate(object, limits);
  const int64_t most = object.Integer("quota_max");
  const int64_t renewal = object.Integer("quota_renewal_rate");
  if (most < -1) object.Refuse("quota_max", "must be -1 (unlimited) or more");
  if (renewal < -1) object.Refuse("quota_renewal_rate", "must not be negative");
  if (most <= 0) return;
  limits->mutable_quota()->set_max(most);
  limits->mutable_quota()->set_renewal_seconds(renewal < 0 ? 0 : renewal);
}

void ReadAccessRights(const Fields& object, bool with_array,
                      google::protobuf::RepeatedPtrField<v1::AccessRight>* rights) {
  const Fields entries = object.Object("access_rights");
  if (entries.node() != nullptr) {
    for (const auto& [id, value] : entries.node()->members) {
      const Fields access(&value, JoinPath(entries.path(), id), object.out());
      Right(access, id, rights->Add());
    }
  }
  if (!with_array) return;
  const std::vector<Node>& items = object.List("access_rights_array");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields access(&items[i], ItemPath(object.PathOf("access_rights_array"), i), object.out());
    Right(access, "", rights->Add());
  }
}

void ReadMetadata(const Fields& object, google::protobuf::Map<std::string, std::string>* metadata) {
  const Fields entries = object.Object("meta_data");
  if (entries.node() == nullptr) return;
  for (const auto& [name, value] : entries.node()->members) {
    if (value.type == Node::Type::kNull) continue;
    (*metadata)[name] = value.IsString() ? value.text : ToJson(value);
  }
}

ObjectRules TykAccessRules() { return {kAccess, true}; }
ObjectRules TykLimitRules() { return {kLimit, true}; }
ObjectRules TykUrlRules() { return {kUrl, true}; }

}  // namespace sallyport::authsvc::dialects
