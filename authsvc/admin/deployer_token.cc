#include "authsvc/admin/deployer_token.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/decide/issuer_keys.h"
#include "authsvc/decide/key_sets.h"
#include "shared/jwt/claims.h"
#include "shared/jwt/claims_policy.h"
#include "shared/jwt/verify.h"

namespace sallyport::authsvc::admin {
namespace {

absl::Status No(jwt::Refusal refusal) {
  if (refusal == jwt::Refusal::kScope)
    return absl::PermissionDeniedError(std::string(jwt::RefusalText(refusal)));
  return absl::UnauthenticatedError(std::string(jwt::RefusalText(refusal)));
}

// Of the issuer's own certificates, then of its key set.
absl::Status Verify(const Snapshot& snapshot, const DeployerOptions& options,
                    const v1::TokenIssuer& issuer, const TokenQuestion& question,
                    const jwt::Token& token, jwt::Claims* claims) {
  jwt::Refusal refusal = jwt::Refusal::kNoKey;
  const jwt::KeySet own = OwnKeysOf(snapshot, issuer, question.now);
  if (!own.keys.empty()) refusal = jwt::VerifyToken(token, own, claims);
  const bool lacks_key = refusal == jwt::Refusal::kNoKey || refusal == jwt::Refusal::kSignature;
  if (lacks_key && !issuer.jwks_url().empty() && options.key_sets != nullptr) {
    const FetchedKeysPtr fetched = options.key_sets->Find(issuer);
    if (fetched != nullptr) refusal = jwt::VerifyToken(token, fetched->keys, claims);
    // A token may name a key that the issuer has since.
    const bool ask = fetched == nullptr ||
                     (refusal == jwt::Refusal::kNoKey && options.key_sets->MayAskAgain(issuer));
    if (ask && options.fetch) options.fetch(issuer.id());
    if (ask) return absl::UnavailableError("the issuer's key set is asked for");
  }
  return refusal == jwt::Refusal::kNone ? absl::OkStatus() : No(refusal);
}

jwt::ClaimsPolicy PolicyOf(const DeployerOptions& options, const v1::TokenIssuer& issuer) {
  jwt::ClaimsPolicy policy;
  policy.issuer = issuer.issuer();
  policy.expiry_leeway = policy.not_before_leeway = policy.issued_at_leeway =
      absl::Seconds(issuer.leeway_seconds());
  policy.audiences = {options.audience};
  policy.required_claims = {"sub"};
  if (!issuer.scope_claims().empty())
    policy.scope_claims.assign(issuer.scope_claims().begin(), issuer.scope_claims().end());
  policy.all_scopes = {options.scope};
  return policy;
}

}  // namespace

bool LooksSigned(absl::string_view bearer) {
  return std::count(bearer.begin(), bearer.end(), '.') == 2;
}

absl::StatusOr<std::string> CheckDeployerToken(const Snapshot& snapshot,
                                               const DeployerOptions& options,
                                               absl::string_view org_id,
                                               const TokenQuestion& question) {
  if (options.token_issuer.empty() || options.audience.empty() || options.scope.empty())
    return absl::UnauthenticatedError("no issuer's tokens are taken");
  const TokenIssuerEntry* const entry = snapshot.FindTokenIssuer(options.token_issuer);
  if (entry == nullptr || entry->issuer.org_id() != org_id)
    return absl::UnauthenticatedError("the issuer whose tokens are taken is not there");
  const v1::TokenIssuer& issuer = entry->issuer;
  if (issuer.issuer().empty())
    return absl::UnauthenticatedError("the issuer whose tokens are taken has no iss");
  // Its tokens stand for a Key, with the rights of that: no administrator's.
  if (!issuer.key_id().empty())
    return absl::UnauthenticatedError("the issuer whose tokens are taken has a key_id");
  jwt::Token token;
  // Shared secrets sign for nobody here: whoever verifies by one could make such a token.
  jwt::Refusal refusal = jwt::ParseToken(question.token, jwt::PublicKeyAlgorithms(), &token);
  if (refusal != jwt::Refusal::kNone) return No(refusal);
  if (!MayUse(issuer, token.algorithm())) return No(jwt::Refusal::kAlgorithm);
  jwt::Claims claims;
  absl::Status verified = Verify(snapshot, options, issuer, question, token, &claims);
  if (!verified.ok()) return verified;
  jwt::ClaimsFacts facts;
  facts.now = question.now;
  facts.leaf_sha256 = question.leaf_sha256;
  refusal = jwt::CheckClaims(claims, PolicyOf(options, issuer), facts);
  if (refusal != jwt::Refusal::kNone) return No(refusal);
  // Other tokens of this iss are another issuer's.
  if (!issuer.select_claim().empty() &&
      claims.body.Text(issuer.select_claim()) != issuer.select_value())
    return No(jwt::Refusal::kIssuer);
  const auto subject = jwt::IdentityClaim(claims, "sub");
  if (!subject.has_value()) return No(jwt::Refusal::kClaimMissing);
  return absl::StrCat(issuer.id(), "/", *subject);
}

}  // namespace sallyport::authsvc::admin
