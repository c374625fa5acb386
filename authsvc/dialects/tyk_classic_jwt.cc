#include "authsvc/dialects/tyk_classic_jwt.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tyk_documents.h"

namespace sallyport::authsvc::dialects {
namespace {

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

void JwtAlgorithms(const Fields& top, v1::TokenIssuer* issuer) {
  const std::string method = top.Text("jwt_signing_method");
  if (method == "rsa") {
    for (const char* name : {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
      issuer->add_algorithms(name);
  } else if (method == "ecdsa") {
    for (const char* name : {"ES256", "ES384", "ES512"}) issuer->add_algorithms(name);
  } else if (method == "hmac") {
    top.Refuse(
        "jwt_signing_method",
        "shared secrets do not exist here: whoever can check a token could make one; use rsa "
        "or ecdsa");
  } else {
    top.Refuse("jwt_signing_method", "must be rsa or ecdsa");
  }
}

// jwt_jwks_uris where there are any, as in Tyk; else jwt_source.
void JwtKeys(const Fields& top, References* references, v1::TokenIssuer* issuer) {
  const auto& addresses = top.List("jwt_jwks_uris");
  if (addresses.size() > 1)
    top.Refuse("jwt_jwks_uris", "more than one address: make a TokenIssuer of each");
  if (!addresses.empty()) {
    const Fields first(&addresses.front(), ItemPath(top.PathOf("jwt_jwks_uris"), 0), top.out());
    issuer->set_jwks_url(first.Text("url"));
    if (!IsJwksAddress(issuer->jwks_url())) first.Refuse("url", "must be https://...");
    return;
  }
  const std::string source = JwtSource(top.Text("jwt_source"));
  if (source.empty()) {
    top.Refuse("jwt_source",
               "is missing: the address of the key set, or a public key in PEM, both "
               "as they are or in Base64");
  } else if (IsJwksAddress(source)) {
    issuer->set_jwks_url(source);
  } else if (absl::StrContains(source, "-----BEGIN") || IsTaken(source)) {
    issuer->add_certificate_ids(
        references->Take(source, top.PathOf("jwt_source"), *top.Get("jwt_source"), false));
  } else {
    top.Refuse("jwt_source", "is neither an address nor a public key in PEM");
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

void JwtTimes(const Fields& top, v1::JwtAuth* jwt) {
  int64_t most = 0;
  for (const char* name : {"jwt_issued_at_validation_skew", "jwt_expires_at_validation_skew",
                           "jwt_not_before_validation_skew"}) {
    const int64_t skew = top.Integer(name);
    if (skew < 0 || skew > 3600) {
      top.Refuse(name, "must be 0 to 3600 seconds");
      return;
    }
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

void JwtRights(const Fields& top, v1::JwtAuth* jwt, v1::TokenIssuer* issuer) {
  jwt->set_identity_claim(top.Text("jwt_identity_base_field"));
  issuer->set_consumer_claim(top.Text("jwt_client_base_field"));
  jwt->set_policy_claim(top.Text("jwt_policy_field_name"));
  for (const std::string& id : top.Texts("jwt_default_policies")) jwt->add_default_policy_ids(id);
  ScopePolicies(top, "jwt_scope_to_policy_mapping", jwt);
  const Fields scopes = top.Object("scopes").Object("jwt");
  ScopePolicies(scopes, "scope_to_policy", jwt);
  for (const std::string& claim :
       {top.Text("jwt_scope_claim_name"), scopes.Text("scope_claim_name")}) {
    if (!claim.empty()) issuer->add_scope_claims(claim);
  }
  if (jwt->policy_claim().empty() && jwt->default_policy_ids().empty() &&
      jwt->scope_policies().empty()) {
    top.Refuse(
        "jwt_default_policies",
        "a token gets its rights by policies: name some here, or by jwt_policy_field_name or "
        "scopes.jwt.scope_to_policy");
  }
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
  Converted converted;
  v1::TokenIssuer* const issuer = converted.resource.mutable_token_issuer();
  issuer->set_id(TykJwtIssuer(api->id()));
  issuer->set_org_id(api->org_id());
  issuer->set_name(absl::StrCat("tokens of API ", api->id()));
  JwtAlgorithms(top, issuer);
  JwtKeys(top, references, issuer);
  v1::JwtAuth* const jwt = api->add_jwts();
  jwt->set_requirement(v1::REQUIREMENT_MANDATORY);
  jwt->add_issuer_ids(issuer->id());
  jwt->set_strip(top.Flag("strip_auth_data"));
  JwtPlaces(top, jwt);
  JwtTimes(top, jwt);
  JwtRights(top, jwt, issuer);
  converted.resource.set_id(issuer->id());
  converted.resource.set_dialect(std::string(kTykClassic));
  top.out()->resources.push_back(std::move(converted));
}

}  // namespace sallyport::authsvc::dialects
