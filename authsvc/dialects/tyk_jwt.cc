#include "authsvc/dialects/tyk_jwt.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_oas_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

// What Classic and OAS call the same things.
struct JwtNames {
  const char* source;
  const char* method;
  const char* addresses;
  const char* identity;
  const char* client;
  const char* policy;
  const char* policies;
  const char* skews[3];
  const char* scopes;  // for the message
};
constexpr JwtNames kClassicJwt = {
    "jwt_source",
    "jwt_signing_method",
    "jwt_jwks_uris",
    "jwt_identity_base_field",
    "jwt_client_base_field",
    "jwt_policy_field_name",
    "jwt_default_policies",
    {"jwt_issued_at_validation_skew", "jwt_expires_at_validation_skew",
     "jwt_not_before_validation_skew"},
    "scopes.jwt.scope_to_policy"};
constexpr JwtNames kOasJwt = {
    "source",
    "signingMethod",
    "jwksURIs",
    "identityBaseField",
    "clientBaseField",
    "policyFieldName",
    "defaultPolicies",
    {"issuedAtValidationSkew", "expiresAtValidationSkew", "notBeforeValidationSkew"},
    "scopes.scopeToPolicyMapping"};

bool IsJwksAddress(absl::string_view text) {
  return absl::StartsWith(text, "https://") || absl::StartsWith(text, "http://");
}

// PEM that stood there, as it is read back.
bool IsTaken(absl::string_view text) { return absl::StartsWith(text, "certificate:"); }

// Tyk takes a source as it is where it is an address, else decoded from Base64.
std::string JwtSource(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  if (IsJwksAddress(text) || absl::StrContains(text, "-----BEGIN") || IsTaken(text))
    return std::string(text);
  std::string decoded;
  if (!absl::Base64Unescape(text, &decoded)) return "";
  return std::string(absl::StripAsciiWhitespace(decoded));
}

void JwtAlgorithms(const Fields& top, const JwtNames& names, v1::TokenIssuer* issuer) {
  const std::string method = top.Text(names.method);
  if (method == "rsa") {
    for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
      issuer->add_algorithms(name);
  } else if (method == "ecdsa") {
    for (const char* name : {"ES256", "ES384", "ES512"}) issuer->add_algorithms(name);
  } else if (method == "hmac") {
    top.Refuse(
        names.method,
        "shared secrets do not exist here: whoever can check a token could make one; use rsa "
        "or ecdsa");
  } else {
    top.Refuse(names.method, "must be rsa or ecdsa");
  }
}

// The addresses where there are any, as in Tyk; else the source.
void JwtKeys(const Fields& top, const JwtNames& names, References* references,
             v1::TokenIssuer* issuer) {
  const auto& addresses = top.List(names.addresses);
  if (addresses.size() > 1)
    top.Refuse(names.addresses, "more than one address: make a TokenIssuer of each");
  if (!addresses.empty()) {
    const Fields first(&addresses.front(), ItemPath(top.PathOf(names.addresses), 0), top.out());
    issuer->set_jwks_url(first.Text("url"));
    if (!IsJwksAddress(issuer->jwks_url())) first.Refuse("url", "must be https://...");
    return;
  }
  const std::string source = JwtSource(top.Text(names.source));
  if (source.empty()) {
    top.Refuse(names.source,
               "is missing: the address of the key set, or a public key in PEM, both "
               "as they are or in Base64");
  } else if (IsJwksAddress(source)) {
    issuer->set_jwks_url(source);
  } else if (absl::StrContains(source, "-----BEGIN") || IsTaken(source)) {
    issuer->add_certificate_ids(
        references->Take(source, top.PathOf(names.source), *top.Get(names.source), false));
  } else {
    top.Refuse(names.source, "is neither an address nor a public key in PEM");
  }
}

void JwtPlaces(const Fields& top, v1::JwtAuth* jwt) {
  const Fields place = top.Object("auth_configs").Object("jwt");
  jwt->set_header_name(place.Text("auth_header_name"));
  jwt->set_disable_header(place.Flag("disable_header"));
  const std::string header =
      jwt->header_name().empty() ? std::string("Authorization") : jwt->header_name();
  const auto named = [&](const char* flag, const char* name) {
    if (!place.Flag(flag)) return std::string();
    const std::string text = place.Text(name);
    return text.empty() ? header : text;
  };
  jwt->set_query_name(named("use_param", "param_name"));
  jwt->set_cookie_name(named("use_cookie", "cookie_name"));
}

void JwtTimes(const Fields& top, const JwtNames& names, v1::JwtAuth* jwt) {
  int64_t most = 0;
  for (const char* name : names.skews) {
    const int64_t skew = top.Integer(name);
    if (skew < 0 || skew > 3600) return top.Refuse(name, "must be 0 to 3600 seconds");
    if (most != 0 && skew != 0 && skew != most)
      top.Warn(name, "the three skews are one here: the longest counts");
    most = std::max(most, skew);
  }
  jwt->set_leeway_seconds(static_cast<uint32_t>(most));
}

void ScopePolicies(const Fields& object, absl::string_view name, v1::JwtAuth* jwt) {
  const Fields map = object.Object(name);
  if (map.node() == nullptr) return;
  for (const auto& [scope, value] : map.node()->members)
    (*jwt->mutable_scope_policies())[scope] = map.Text(scope);
}

void AddScopeClaim(const std::string& claim, v1::TokenIssuer* issuer) {
  if (!claim.empty()) issuer->add_scope_claims(claim);
}

void ClassicScopes(const Fields& top, v1::JwtAuth* jwt, v1::TokenIssuer* issuer) {
  ScopePolicies(top, "jwt_scope_to_policy_mapping", jwt);
  const Fields scopes = top.Object("scopes").Object("jwt");
  ScopePolicies(scopes, "scope_to_policy", jwt);
  AddScopeClaim(top.Text("jwt_scope_claim_name"), issuer);
  AddScopeClaim(scopes.Text("scope_claim_name"), issuer);
}

void OasScopes(const Fields& scheme, v1::JwtAuth* jwt, v1::TokenIssuer* issuer) {
  const Fields scopes = scheme.Object("scopes");
  scopes.Check(OasJwtScopesRules());
  AddScopeClaim(scopes.Text("claimName"), issuer);
  for (const std::string& claim : scopes.Texts("claims")) AddScopeClaim(claim, issuer);
  const auto& list = scopes.List("scopeToPolicyMapping");
  for (size_t i = 0; i < list.size(); ++i) {
    const Fields item(&list[i], ItemPath(scopes.PathOf("scopeToPolicyMapping"), i), scheme.out());
    (*jwt->mutable_scope_policies())[item.Text("scope")] = item.Text("policyId");
  }
}

void JwtRights(const Fields& top, const JwtNames& names, v1::JwtAuth* jwt,
               v1::TokenIssuer* issuer) {
  jwt->set_identity_claim(top.Text(names.identity));
  issuer->set_consumer_claim(top.Text(names.client));
  jwt->set_policy_claim(top.Text(names.policy));
  for (const std::string& id : top.Texts(names.policies)) jwt->add_default_policy_ids(id);
  if (!jwt->policy_claim().empty() || !jwt->default_policy_ids().empty() ||
      !jwt->scope_policies().empty()) {
    return;
  }
  top.Refuse(names.policies,
             absl::StrCat("a token gets its rights by policies: name some here, or by ",
                          names.policy, " or ", names.scopes));
}

// A mechanism of `api` and its issuer, the last of the resources; `scopes` are read already.
void ReadJwt(const Fields& fields, const JwtNames& names, absl::string_view dialect,
             References* references, const v1::Api& api, v1::JwtAuth* jwt, v1::TokenIssuer issuer) {
  issuer.set_id(TykJwtIssuer(api.id()));
  issuer.set_org_id(api.org_id());
  issuer.set_name(absl::StrCat("tokens of API ", api.id()));
  JwtAlgorithms(fields, names, &issuer);
  JwtKeys(fields, names, references, &issuer);
  jwt->set_requirement(v1::REQUIREMENT_MANDATORY);
  jwt->add_issuer_ids(issuer.id());
  JwtTimes(fields, names, jwt);
  JwtRights(fields, names, jwt, &issuer);
  Converted converted;
  converted.resource.set_id(issuer.id());
  converted.resource.set_dialect(std::string(dialect));
  *converted.resource.mutable_token_issuer() = std::move(issuer);
  fields.out()->resources.push_back(std::move(converted));
}

}  // namespace

std::string TykJwtIssuer(absl::string_view api_id) { return absl::StrCat("tyk-api:", api_id); }

bool IsPublicJwtSource(absl::string_view text) {
  const std::string source = JwtSource(text);
  return IsJwksAddress(source) || IsTaken(source) ||
         (absl::StrContains(source, "-----BEGIN") && !absl::StrContains(source, "PRIVATE"));
}

void ClassicJwt(const Fields& top, References* references, v1::Api* api) {
  if (!top.Flag("enable_jwt")) return;
  if (top.Flag("use_keyless"))
    return top.Refuse("use_keyless", "contradicts enable_jwt: true: switch one of them off");
  v1::JwtAuth* const jwt = api->add_jwts();
  jwt->set_strip(top.Flag("strip_auth_data"));
  JwtPlaces(top, jwt);
  v1::TokenIssuer issuer;
  ClassicScopes(top, jwt, &issuer);
  ReadJwt(top, kClassicJwt, kTykClassic, references, *api, jwt, std::move(issuer));
}

void OasJwt(const Fields& scheme, const v1::TokenAuth& places, References* references,
            v1::Api* api) {
  scheme.Check(OasJwtRules());
  v1::JwtAuth* const jwt = api->add_jwts();
  jwt->set_disable_header(places.disable_header());
  jwt->set_header_name(places.header_name());
  const std::string header =
      places.header_name().empty() ? std::string("Authorization") : places.header_name();
  if (places.use_query())
    jwt->set_query_name(places.query_name().empty() ? header : places.query_name());
  if (places.use_cookie())
    jwt->set_cookie_name(places.cookie_name().empty() ? header : places.cookie_name());
  v1::TokenIssuer issuer;
  OasScopes(scheme, jwt, &issuer);
  ReadJwt(scheme, kOasJwt, kTykOas, references, *api, jwt, std::move(issuer));
}

}  // namespace sallyport::authsvc::dialects
