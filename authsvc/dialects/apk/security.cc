#include "authsvc/dialects/apk/security.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr FieldRule kEndpointSecurity[] = {{"enabled", Use::kUsed}, {"securityType", Use::kUsed}};
constexpr FieldRule kBasicSecurityType[] = {
    {"secretName", Use::kUsed},
    {"userNameKey", Use::kUsed},
    {"passwordKey", Use::kUsed},
};
constexpr FieldRule kApiKeySecurityType[] = {
    {"secretName", Use::kUsed},
    {"in", Use::kUsed},
    {"apiKeyNameKey", Use::kUsed},
    {"apiKeyValueKey", Use::kUsed},
};
constexpr FieldRule kBackendSecurity[] = {
    {"type", Use::kKept},
    {"basic", Use::kUsed},
    {"apiKey", Use::kUsed},
};
constexpr FieldRule kBasicSecurity[] = {{"secretRef", Use::kUsed}};
constexpr FieldRule kBasicSecret[] = {
    {"name", Use::kUsed},
    {"usernameKey", Use::kUsed},
    {"passwordKey", Use::kUsed},
};
constexpr FieldRule kApiKeySecurity[] = {
    {"in", Use::kUsed},
    {"name", Use::kUsed},
    {"valueFrom", Use::kUsed},
};
constexpr FieldRule kApiKeyValue[] = {{"name", Use::kUsed}, {"valueKey", Use::kUsed}};

// Names of fields, and what a key is called where none is said; empty: one must be.
struct KeyField {
  absl::string_view name;
  absl::string_view otherwise;
};

// "name:secret/NAMESPACE/NAME/KEY"; empty after a refusal.
std::string SecretPlace(const Fields& object, absl::string_view name_field, const KeyField& key,
                        const std::string& name_space) {
  const std::string name = object.Text(name_field);
  std::string in_data = object.Text(key.name);
  if (in_data.empty()) in_data = std::string(key.otherwise);
  if (!IsKubeName(name)) {
    object.Refuse(name_field, name.empty() ? "is missing: it names a Secret"
                                           : "must be lower-case letters, digits, '-' and '.'");
  }
  if (!IsDataKey(in_data)) {
    object.Refuse(key.name, in_data.empty() ? "is missing: it names a value in the Secret"
                                            : "must be letters, digits, '-', '_' and '.'");
  }
  if (!IsKubeName(name) || !IsDataKey(in_data)) return "";
  return absl::StrCat("name:secret/", name_space, "/", name, "/", in_data);
}

v1::UpstreamCredential Login(std::string username, std::string password) {
  v1::UpstreamCredential credential;
  credential.set_header("Authorization");
  credential.set_username_ref(std::move(username));
  credential.set_password_ref(std::move(password));
  return credential;
}

v1::UpstreamCredential KeyInHeader(const Fields& object, absl::string_view name,
                                   std::string place) {
  v1::UpstreamCredential credential;
  const std::string in = object.Text("in");
  if (in == "Query")
    object.Refuse("in", "Query: keys of endpoints are sent in headers alone here");
  else if (in != "Header")
    object.Refuse("in", in.empty() ? "is missing: Header" : "must be Header");
  if (object.Text(name).empty()) object.Refuse(name, "is missing: it names the header");
  credential.set_header(object.Text(name));
  credential.set_value_ref(std::move(place));
  return credential;
}

}  // namespace

v1::UpstreamCredential ReadEndpointSecurity(const Fields& security, const std::string& name_space) {
  security.Check(EndpointSecurityRules());
  const Fields type = security.Object("securityType");
  const bool api_key = type.Has("apiKeyValueKey") || type.Has("apiKeyNameKey") || type.Has("in");
  type.Check(api_key ? ApiKeySecurityTypeRules() : BasicSecurityTypeRules());
  if (!security.Flag("enabled")) return {};
  if (type.node() == nullptr) {
    security.Refuse("securityType", "is missing: what the endpoint asks for is not said");
    return {};
  }
  if (api_key) {
    std::string place = SecretPlace(type, "secretName", {"apiKeyValueKey", ""}, name_space);
    return KeyInHeader(type, "apiKeyNameKey", std::move(place));
  }
  std::string username = SecretPlace(type, "secretName", {"userNameKey", ""}, name_space);
  return Login(std::move(username),
               SecretPlace(type, "secretName", {"passwordKey", ""}, name_space));
}

v1::UpstreamCredential ReadBackendSecurity(const Fields& security, const std::string& name_space) {
  if (security.node() == nullptr) return {};
  security.Check(BackendSecurityRules());
  const Fields basic = security.Object("basic");
  const Fields api_key = security.Object("apiKey");
  basic.Check(BasicSecurityRules());
  api_key.Check(ApiKeySecurityRules());
  if ((basic.node() == nullptr) == (api_key.node() == nullptr)) {
    security.out()->Refuse(security.path(), security.node(),
                           "must have basic or apiKey, and not both");
    return {};
  }
  if (api_key.node() != nullptr) {
    const Fields value = api_key.Object("valueFrom");
    value.Check(ApiKeyValueRules());
    if (value.node() == nullptr) api_key.Refuse("valueFrom", "is missing: it names a Secret");
    std::string place = value.node() == nullptr
                            ? std::string()
                            : SecretPlace(value, "name", {"valueKey", ""}, name_space);
    return KeyInHeader(api_key, "name", std::move(place));
  }
  const Fields secret = basic.Object("secretRef");
  secret.Check(BasicSecretRules());
  if (secret.node() == nullptr) {
    basic.Refuse("secretRef", "is missing: it names a Secret");
    return {};
  }
  std::string username = SecretPlace(secret, "name", {"usernameKey", "username"}, name_space);
  return Login(std::move(username),
               SecretPlace(secret, "name", {"passwordKey", "password"}, name_space));
}

void PutSecurity(const v1::UpstreamCredential& credential, bool first, const Fields& where,
                 absl::string_view name, v1::Upstream* upstream) {
  using google::protobuf::util::MessageDifferencer;
  if (first) {
    if (!credential.header().empty()) *upstream->mutable_credential() = credential;
  } else if (!MessageDifferencer::Equals(credential, upstream->credential())) {
    where.Refuse(name, "what the endpoints of one API ask of callers must be the same");
  }
}

ObjectRules EndpointSecurityRules() { return {kEndpointSecurity, true}; }
ObjectRules BasicSecurityTypeRules() { return {kBasicSecurityType, true}; }
ObjectRules ApiKeySecurityTypeRules() { return {kApiKeySecurityType, true}; }
ObjectRules BackendSecurityRules() { return {kBackendSecurity, true}; }
ObjectRules BasicSecurityRules() { return {kBasicSecurity, true}; }
ObjectRules BasicSecretRules() { return {kBasicSecret, true}; }
ObjectRules ApiKeySecurityRules() { return {kApiKeySecurity, true}; }
ObjectRules ApiKeyValueRules() { return {kApiKeyValue, true}; }

}  // namespace sallyport::authsvc::dialects::apk
