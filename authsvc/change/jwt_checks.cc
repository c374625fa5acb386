#include "authsvc/change/jwt_checks.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/login_checks.h"
#include "shared/domain/host.h"
#include "shared/header/names.h"
#include "shared/jwt/algorithm.h"

namespace sallyport::authsvc {
namespace {

constexpr uint32_t kMostLeewaySeconds = 3600;
constexpr int kMostJwts = 4;
constexpr size_t kMostSelectBytes = 512;

absl::string_view JwtHeader(const v1::JwtAuth& jwt) {
  return jwt.header_name().empty() ? absl::string_view("authorization") : jwt.header_name();
}

absl::Status CheckJwtPlaces(const v1::JwtAuth& jwt) {
  for (const auto& [what, name] :
       {std::pair<const char*, const std::string&>("jwts: header_name", jwt.header_name()),
        {"jwts: query_name", jwt.query_name()},
        {"jwts: cookie_name", jwt.cookie_name()}}) {
    if (auto status = CheckHeaderName(what, name); !status.ok()) return status;
  }
  if (IsConnectionsOwn(jwt.header_name()) || header::IsIdentityHeader(JwtHeader(jwt)))
    return Invalid("jwts: header_name: `", jwt.header_name(), "` never holds a caller's token");
  if (jwt.disable_header() && jwt.query_name().empty() && jwt.cookie_name().empty())
    return Invalid("jwts: header is disabled and neither query nor cookie is named");
  return absl::OkStatus();
}

// Two tokens in one place could not be told apart, and an API key there neither.
absl::Status CheckJwtsApart(const v1::Api& api) {
  std::set<std::string> places;
  const auto take = [&](absl::string_view place, absl::string_view name) {
    return places.insert(absl::StrCat(place, " ", name)).second;
  };
  const auto& token = api.token();
  if (token.enabled()) {
    const std::string name = token.header_name().empty() ? "authorization" : token.header_name();
    if (!token.disable_header()) take("header", absl::AsciiStrToLower(name));
    if (token.use_query())
      take("parameter", token.query_name().empty() ? name : token.query_name());
    if (token.use_cookie())
      take("cookie", token.cookie_name().empty() ? name : token.cookie_name());
  }
  if (TakesLogins(api) && !take("header", "authorization"))
    return Invalid("basic: header authorization is where a token is looked for: give that another");
  for (const v1::JwtAuth& jwt : api.jwts()) {
    if (jwt.requirement() == v1::REQUIREMENT_OFF) continue;
    const std::string name = absl::AsciiStrToLower(JwtHeader(jwt));
    if (!jwt.disable_header() && !take("header", name))
      return Invalid("jwts: header ", name, " is where another token is looked for");
    if (!jwt.query_name().empty() && !take("parameter", jwt.query_name()))
      return Invalid("jwts: parameter ", jwt.query_name(), " is where another token is looked for");
    if (!jwt.cookie_name().empty() && !take("cookie", jwt.cookie_name()))
      return Invalid("jwts: cookie ", jwt.cookie_name(), " is where another token is looked for");
  }
  return absl::OkStatus();
}

absl::Status MissingForJwt(const CheckContext& context, absl::string_view what,
                           absl::string_view id, Warnings* warnings) {
  std::string text =
      absl::StrCat("pending: jwts: ", what, " ", id, " is not there: nobody passes by it");
  if (context.strict) return absl::InvalidArgumentError(text);
  warnings->push_back(std::move(text));
  return absl::OkStatus();
}

absl::Status CheckJwtIssuers(const CheckContext& context, const v1::Api& api,
                             const v1::JwtAuth& jwt, Warnings* warnings) {
  for (const std::string& id : jwt.issuer_ids()) {
    const TokenIssuerEntry* const entry = context.after.FindTokenIssuer(id);
    absl::Status status;
    if (entry == nullptr) {
      status = MissingForJwt(context, "token issuer", id, warnings);
    } else if (!entry->issuer.org_id().empty() && entry->issuer.org_id() != api.org_id()) {
      status = Invalid("jwts: token issuer ", id, " is of another organisation");
    }
    if (!status.ok()) return status;
  }
  if (!jwt.issuer_ids().empty()) return absl::OkStatus();
  bool any = false;
  context.after.ForEachTokenIssuer(api.org_id(), [&](const TokenIssuerEntry&) {
    any = true;
    return false;
  });
  if (any) return absl::OkStatus();
  return MissingForJwt(context, "any token issuer of organisation",
                       absl::StrCat("`", api.org_id(), "`"), warnings);
}

absl::Status CheckJwtPolicies(const CheckContext& context, const v1::JwtAuth& jwt,
                              Warnings* warnings) {
  std::set<std::string> ids(jwt.default_policy_ids().begin(), jwt.default_policy_ids().end());
  for (const auto& [scope, id] : jwt.scope_policies()) {
    if (scope.empty() || id.empty())
      return Invalid("jwts: scope_policies has an empty scope or id");
    ids.insert(id);
  }
  for (const std::string& id : ids) {
    if (context.after.FindPolicy(id) != nullptr) continue;
    if (auto status = MissingForJwt(context, "policy", id, warnings); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckJwksUrl(const std::string& url) {
  if (auto status = CheckTargetUrl(url); !status.ok())
    return Invalid("jwks_url: ", status.message());
  if (absl::StartsWith(url, "https://")) return absl::OkStatus();
  const absl::string_view rest = absl::StripPrefix(url, "http://");
  const auto place = domain::ParseHostPort(rest.substr(0, rest.find_first_of("/?")));
  const auto is = [&](absl::string_view text) {
    const auto host = domain::ParseHost(text);
    return place.ok() && host.ok() && place->host == *host;
  };
  if (absl::StartsWith(url, "http://") && (is("localhost") || is("127.0.0.1") || is("::1")))
    return absl::OkStatus();
  return Invalid("jwks_url `", url,
                 "` must be https://: whoever can change what it answers can sign tokens");
}

// Those that verify with public keys and those that verify with a secret never mix: what everybody
// may know must not become a secret (RFC 8725 section 2.1).
absl::Status CheckIssuerAlgorithms(const v1::TokenIssuer& issuer) {
  const bool secrets = !issuer.shared_secrets().empty();
  if (secrets && issuer.algorithms().empty())
    return Invalid("shared_secrets need algorithms: HS256, HS384 or HS512");
  for (const std::string& name : issuer.algorithms()) {
    const auto algorithm = jwt::AlgorithmFromName(name);
    if (!algorithm.has_value())
      return Invalid("algorithm `", name, "` is not known: RS256, PS256, ES256, EdDSA and so on");
    if (jwt::IsSymmetric(*algorithm) && !secrets)
      return Invalid("algorithm ", name, " needs a shared secret: set shared_secrets");
    if (!jwt::IsSymmetric(*algorithm) && secrets)
      return Invalid("algorithm ", name,
                     " verifies with a public key: an issuer has shared secrets, or public keys");
  }
  return absl::OkStatus();
}

absl::Status CheckIssuerKeys(const v1::TokenIssuer& issuer) {
  const bool secrets = !issuer.shared_secrets().empty();
  const bool keys = !issuer.jwks_url().empty() || !issuer.certificate_ids().empty();
  if (!keys && !secrets && issuer.algorithms().empty())
    return Invalid(
        "a token issuer without keys: set jwks_url or certificate_ids, or shared_secrets");
  if (keys && secrets)
    return Invalid("shared_secrets beside jwks_url or certificate_ids: make two token issuers");
  if (auto status = CheckIssuerAlgorithms(issuer); !status.ok()) return status;
  if (!keys && !secrets)
    return Invalid("a token issuer without keys: set jwks_url or certificate_ids");
  if (!issuer.jwks_url().empty()) return CheckJwksUrl(issuer.jwks_url());
  return issuer.jwks_trust_ids().empty() ? absl::OkStatus()
                                         : Invalid("jwks_trust_ids without jwks_url");
}

// Of several that could have signed one is told by a claim; two of one value could not be told
// apart.
absl::Status CheckSelection(const CheckContext& context, const v1::TokenIssuer& issuer) {
  if (issuer.select_claim().empty() != issuer.select_value().empty())
    return Invalid("select_claim and select_value go together");
  if (issuer.select_claim().empty()) return absl::OkStatus();
  if (issuer.select_claim().size() > kMostSelectBytes ||
      issuer.select_value().size() > kMostSelectBytes)
    return Invalid("select_claim and select_value have at most ", kMostSelectBytes, " bytes");
  const TokenIssuerEntry* const other = context.after.FindTokenIssuerSelected(
      issuer.org_id(), issuer.select_claim(), issuer.select_value(), issuer.id());
  if (other == nullptr) return absl::OkStatus();
  // Not the value: it may have come out of a variable that whoever writes cannot read.
  return Invalid("select_value of claim ", issuer.select_claim(), " is that of token issuer ",
                 other->issuer.id());
}

absl::Status CheckIssuerKey(const CheckContext& context, const v1::TokenIssuer& issuer,
                            Warnings* warnings) {
  if (issuer.key_id().empty()) return absl::OkStatus();
  const KeyEntry* const key = context.after.FindKey(issuer.key_id());
  if (key != nullptr && key->key.org_id() != issuer.org_id())
    return Invalid("key_id: key ", issuer.key_id(), " is of another organisation");
  if (key != nullptr) return absl::OkStatus();
  std::string text = absl::StrCat("pending: key_id: key ", issuer.key_id(),
                                  " is not there: nobody passes by this token issuer");
  if (context.strict) return absl::InvalidArgumentError(text);
  warnings->push_back(std::move(text));
  return absl::OkStatus();
}

}  // namespace

bool TakesJwts(const v1::Api& api) {
  for (const v1::JwtAuth& jwt : api.jwts()) {
    if (jwt.requirement() != v1::REQUIREMENT_OFF) return true;
  }
  return false;
}

absl::Status CheckJwts(const CheckContext& context, const v1::Api& api, Warnings* warnings) {
  if (api.jwts_size() > kMostJwts) return Invalid("more than ", kMostJwts, " jwts");
  if (TakesJwts(api) && !api.protocol().empty() && api.protocol() != "http")
    return Invalid("jwts: protocol ", api.protocol(), " has no place for a token");
  for (const v1::JwtAuth& jwt : api.jwts()) {
    if (jwt.requirement() == v1::REQUIREMENT_OFF) continue;
    absl::Status status = CheckJwtPlaces(jwt);
    if (status.ok() && jwt.leeway_seconds() > kMostLeewaySeconds)
      status = Invalid("jwts: leeway_seconds is over ", kMostLeewaySeconds);
    if (status.ok()) status = CheckJwtIssuers(context, api, jwt, warnings);
    if (status.ok()) status = CheckJwtPolicies(context, jwt, warnings);
    if (!status.ok()) return status;
    if (api.allow_plain_http())
      warnings->push_back("allow_plain_http: tokens can be read and used by whoever is on the way");
  }
  return CheckJwtsApart(api);
}

absl::Status CheckTokenIssuer(const CheckContext& context, const v1::TokenIssuer& issuer,
                              Warnings* warnings) {
  absl::Status status = CheckId("token issuer", issuer.id());
  if (status.ok()) status = CheckOrg(issuer.org_id());
  if (status.ok() && issuer.leeway_seconds() > kMostLeewaySeconds)
    status = Invalid("leeway_seconds is over ", kMostLeewaySeconds);
  if (status.ok()) status = CheckIssuerKeys(issuer);
  if (status.ok()) status = CheckSelection(context, issuer);
  if (status.ok()) status = CheckIssuerKey(context, issuer, warnings);
  for (const std::string& id : issuer.certificate_ids()) {
    if (!status.ok()) return status;
    status =
        CheckReference(context, "token issuer key", issuer.org_id(), id, Need::kPublic, warnings);
  }
  for (const std::string& id : issuer.jwks_trust_ids()) {
    if (!status.ok()) return status;
    status =
        CheckReference(context, "token issuer trust", issuer.org_id(), id, Need::kPublic, warnings);
  }
  for (const auto& [claim, name] : issuer.claim_metadata()) {
    if (claim.empty() || name.empty()) return Invalid("claim_metadata has an empty name");
  }
  if (status.ok() && issuer.issuer().empty() && issuer.select_claim().empty()) {
    warnings->push_back(
        "no issuer: `iss` of tokens is not looked at, and only APIs that name this issuer take "
        "them");
  }
  return status;
}

}  // namespace sallyport::authsvc
