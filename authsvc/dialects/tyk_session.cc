// Tyk SessionState -> Key, and back (reference tyk.md §2.2).
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/references.h"
#include "authsvc/dialects/tyk_access.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_other_fields.h"
#include "authsvc/dialects/tyk_render.h"
#include "shared/base/secret.h"
#include "shared/base/text.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kNoHmac = "HMAC signatures do not exist here";

constexpr FieldRule kSession[] = {
    {"rate", Use::kUsed},
    {"per", Use::kUsed},
    {"quota_max", Use::kUsed},
    {"quota_renewal_rate", Use::kUsed},
    {"expires", Use::kUsed},
    {"access_rights", Use::kUsed},
    {"org_id", Use::kUsed},
    {"certificate", Use::kUsed},
    {"mtls_static_certificate_bindings", Use::kUsed},
    {"is_inactive", Use::kUsed},
    {"apply_policy_id", Use::kUsed},
    {"apply_policies", Use::kUsed},
    {"meta_data", Use::kUsed},
    {"tags", Use::kUsed},
    {"alias", Use::kUsed},
    {"date_created", Use::kKept},
    // Credentials and mechanisms that do not exist here.
    {"basic_auth_data", Use::kUsed},
    {"jwt_data", Use::kRefused, "shared secrets of JWTs do not exist here"},
    {"hmac_enabled", Use::kRefused, kNoHmac},
    {"hmac_string", Use::kRefused, kNoHmac},
    {"enable_http_signature_validation", Use::kRefused, kNoHmac},
    {"rsa_certificate_id", Use::kRefused, kNoHmac},
    {"oauth_client_id", Use::kRefused, "OAuth clients do not exist here"},
    {"oauth_keys", Use::kRefused, "OAuth clients do not exist here"},
    {"max_query_depth", Use::kRefused, "limits of GraphQL do not exist here"},
    // Counters and bookkeeping of a running Tyk.
    {"last_check", Use::kKept},
    {"allowance", Use::kKept},
    {"quota_renews", Use::kKept},
    {"quota_remaining", Use::kKept},
    {"last_updated", Use::kKept},
    {"id_extractor_deadline", Use::kKept},
    {"data_expires", Use::kKept},
    {"monitor", Use::kUsed},
    {"enable_detail_recording", Use::kKept},
    {"enable_detailed_recording", Use::kKept},
    {"throttle_interval", Use::kInert, "throttling does not exist here"},
    {"throttle_retry_limit", Use::kInert, "throttling does not exist here"},
    {"session_lifetime", Use::kInert},
    {"post_expiry_action", Use::kKept},
    {"post_expiry_grace_period", Use::kKept},
    {"smoothing", Use::kInert},
    {"key_id", Use::kKept},
    {"key_hash", Use::kKept},
};

constexpr FieldRule kMonitor[] = {{"trigger_limits", Use::kUsed}};
constexpr FieldRule kLogin[] = {
    {"password", Use::kUsed},
    {"hash_type", Use::kUsed},
};

// The user name is the key's in the call, not in the session. A password of a hash_type is its
// hash, as Tyk stores it.
void Login(const Fields& top, Converted* converted) {
  const Fields login = top.Object("basic_auth_data");
  login.Check(TykLoginRules());
  const std::string type = login.Text("hash_type");
  std::string password = login.Text("password");
  if (!type.empty() && type != "bcrypt") {
    login.Refuse("hash_type", absl::StrCat("\"", type,
                                           "\" is guessed too easily: bcrypt, or the "
                                           "password itself without hash_type"));
  }
  if (password.empty()) return;
  converted->resource.mutable_key()->mutable_basic_login();
  const absl::string_view name = type.empty() ? kLoginPassword : kLoginHash;
  converted->secret_data[std::string(name)] = base::Secret(std::move(password));
}

bool IsHash(absl::string_view text) { return text.size() == 64 && base::IsHex(text); }

// Tyk cuts the org off in front where it is there and puts it back: a bare hash means the same.
std::string WithOrg(absl::string_view org_id, const std::string& id) {
  return IsHash(id) && !org_id.empty() ? absl::StrCat(org_id, id) : id;
}

void Certificates(const Fields& top, References* references, v1::Key* key) {
  const std::string certificate = top.Text("certificate");
  if (!certificate.empty()) {
    const std::string id =
        references->Take(certificate, "certificate", *top.Get("certificate"), false);
    key->add_certificate_ids(WithOrg(key->org_id(), id));
    if (!absl::StartsWith(id, "name:")) key->set_id(WithOrg(key->org_id(), id));
  }
  for (const std::string& id :
       references->TakeList(top, "mtls_static_certificate_bindings", false)) {
    key->add_bound_certificate_ids(id);
  }
}

void Policies(const Fields& top, v1::Key* key) {
  for (const std::string& id : top.Texts("apply_policies")) key->add_policy_ids(id);
  const std::string single = top.Text("apply_policy_id");
  if (single.empty()) return;
  if (key->policy_ids_size() == 0)
    key->add_policy_ids(single);
  else if (key->policy_ids(0) != single)
    top.Warn("apply_policy_id", "has no effect: apply_policies counts");
}

void FillSessionKey(const Fields& top, References* references, v1::Key* key) {
  Certificates(top, references, key);
  Policies(top, key);
  ReadAccessRights(top, false, key->mutable_access_rights());
  v1::Limits limits;
  FillLimits(top, &limits);
  if (limits.has_rate() || limits.has_quota()) *key->mutable_limits() = std::move(limits);
  ReadMetadata(top, key->mutable_metadata());
  key->set_alias(top.Text("alias"));
  key->set_inactive(top.Flag("is_inactive"));
  const int64_t expires = top.Integer("expires");
  if (expires < -1) top.Refuse("expires", "must be seconds since 1970, or 0 for never");
  key->set_expires_unix(expires < 0 ? 0 : expires);
  for (const std::string& tag : top.Texts("tags")) key->add_tags(tag);
  const Fields monitor = top.Object("monitor");
  monitor.Check(TykMonitorRules());
  for (const Node& trigger : monitor.List("trigger_limits")) {
    if (!trigger.IsNumber())
      monitor.Refuse("trigger_limits", "must be a list of percents");
    else
      key->add_quota_triggers(trigger.type == Node::Type::kInteger
                                  ? static_cast<double>(trigger.integer)
                                  : trigger.number);
  }
}

}  // namespace

bool IsTykSession(const Node& document) {
  if (!document.IsObject() || document.Find("kind") != nullptr) return false;
  for (const absl::string_view name :
       {"certificate", "apply_policies", "apply_policy_id", "is_inactive",
        "mtls_static_certificate_bindings", "allowance"}) {
    if (document.Find(name) != nullptr && document.Find("proxy") == nullptr &&
        document.Find("active") == nullptr && document.Find("partitions") == nullptr) {
      return true;
    }
  }
  return false;
}

Conversion ConvertTykSession(const Node& session, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&session, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &session, "a session must be an object");
    return out;
  }
  top.Check(TykSessionRules());
  v1::Key key;
  key.set_org_id(top.Has("org_id") ? top.Text("org_id") : options.org_id);
  key.set_created_unix(options.now_unix);
  References references(key.org_id(), options, kTykKey, &out);
  FillSessionKey(top, &references, &key);
  Converted converted;
  converted.resource.set_id(key.id());
  converted.resource.set_dialect(std::string(kTykKey));
  converted.resource.set_document(ToJson(KeptDocument(session, key.org_id())));
  *converted.resource.mutable_key() = std::move(key);
  Login(top, &converted);
  out.resources.push_back(std::move(converted));
  return out;
}

std::string TykSessionJson(const v1::Resource& resource) {
  const v1::Key& key = resource.key();
  Json session = OriginalDocument(resource, kTykKey);
  if (session.is_null()) {
    session = Json::object();
    PutLimits(key.limits(), &session);
    session["access_rights"] = AccessRightsJson(key.access_rights());
    session["apply_policies"] = key.policy_ids();
    session["tags"] = key.tags();
    session["meta_data"] = Json::object();
    for (const auto& [name, value] : key.metadata()) session["meta_data"][name] = value;
    session["alias"] = key.alias();
  }
  // What may have changed since by other ways than this dialect's.
  session["org_id"] = key.org_id();
  session["expires"] = key.expires_unix();
  session["is_inactive"] = key.inactive();
  session["certificate"] = key.certificate_ids_size() == 0 ? "" : key.certificate_ids(0);
  if (key.bound_certificate_ids_size() != 0 ||
      session.contains("mtls_static_certificate_bindings")) {
    session["mtls_static_certificate_bindings"] = key.bound_certificate_ids();
  }
  if (key.has_basic_login()) session["basic_auth_data"] = {{"password", ""}};
  session["date_created"] = TimeText(key.created_unix());
  return Text(session);
}

ObjectRules TykSessionRules() { return {kSession, false}; }
ObjectRules TykMonitorRules() { return {kMonitor, false}; }
ObjectRules TykLoginRules() { return {kLogin, true}; }

}  // namespace sallyport::authsvc::dialects
