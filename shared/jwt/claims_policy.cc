#include "shared/jwt/claims_policy.h"

#include <algorithm>

#include "shared/base/text.h"
#include "shared/jwt/base64url.h"

namespace sallyport::jwt {
namespace {

constexpr size_t kSha256Bytes = 32;
constexpr absl::string_view kThumbprint = "x5t#S256";

absl::Duration Leeway(absl::Duration wanted) {
  return std::clamp(wanted, absl::ZeroDuration(), kMostLeeway);
}

template <typename Texts, typename Text>
bool Contains(const Texts& texts, const Text& wanted) {
  return std::find(texts.begin(), texts.end(), wanted) != texts.end();
}

Refusal CheckTimes(const Claims& claims, const ClaimsPolicy& policy, absl::Time now) {
  std::optional<absl::Time> expires;
  std::optional<absl::Time> not_before;
  std::optional<absl::Time> issued;
  if (!ReadTimeClaim(claims, "exp", &expires) || !ReadTimeClaim(claims, "nbf", &not_before) ||
      !ReadTimeClaim(claims, "iat", &issued)) {
    return Refusal::kClaimMalformed;
  }
  if (!expires.has_value() && policy.require_expiry) return Refusal::kNoExpiry;
  if (expires.has_value() && now >= *expires + Leeway(policy.expiry_leeway)) {
    return Refusal::kExpired;
  }
  if (not_before.has_value() && now < *not_before - Leeway(policy.not_before_leeway)) {
    return Refusal::kNotYetValid;
  }
  if (issued.has_value() && now < *issued - Leeway(policy.issued_at_leeway)) {
    return Refusal::kIssuedInFuture;
  }
  return Refusal::kNone;
}

Refusal CheckIssuer(const Claims& claims, const ClaimsPolicy& policy) {
  const Json* issuer = claims.body.Find("iss");
  if (issuer != nullptr && !issuer->IsString()) return Refusal::kClaimMalformed;
  if (!policy.issuer.has_value()) return Refusal::kNone;
  const bool same = issuer != nullptr && !policy.issuer->empty() && issuer->text == *policy.issuer;
  return same ? Refusal::kNone : Refusal::kIssuer;
}

Refusal CheckAudience(const Claims& claims, const ClaimsPolicy& policy) {
  std::vector<absl::string_view> audiences;
  if (!ReadTextsClaim(claims, "aud", &audiences)) return Refusal::kClaimMalformed;
  if (policy.audiences.empty()) return Refusal::kNone;
  const bool one = std::any_of(audiences.begin(), audiences.end(), [&](absl::string_view text) {
    return !text.empty() && Contains(policy.audiences, text);
  });
  return one ? Refusal::kNone : Refusal::kAudience;
}

bool SaysSomething(const Json* claim) {
  if (claim == nullptr) return false;
  switch (claim->type) {
    case Json::Type::kNull: return false;
    case Json::Type::kString: return !claim->text.empty();
    case Json::Type::kArray:
    case Json::Type::kObject: return !claim->items.empty();
    default: return true;
  }
}

Refusal CheckRequired(const Claims& claims, const ClaimsPolicy& policy) {
  for (const std::string& name : policy.required_claims) {
    if (!SaysSomething(claims.body.Find(name))) return Refusal::kClaimMissing;
  }
  return Refusal::kNone;
}

// RFC 7800 section 3.1 and RFC 8705 section 3.1. Another method beside the thumbprint is refused as
// well: that part of the binding could not be checked.
Refusal CheckBinding(const Claims& claims, const ClaimsPolicy& policy,
                     absl::string_view leaf_sha256) {
  const Json* confirmation = claims.body.Find("cnf");
  if (confirmation == nullptr) {
    return policy.binding == Binding::kRequired ? Refusal::kBindingMissing : Refusal::kNone;
  }
  if (!confirmation->IsObject()) return Refusal::kClaimMalformed;
  const Json* thumbprint = confirmation->Find(kThumbprint);
  if (thumbprint == nullptr || confirmation->items.size() != 1) return Refusal::kBindingUnsupported;
  const std::optional<std::string> digest = DecodeBase64Url(thumbprint->text);
  if (!digest.has_value() || digest->size() != kSha256Bytes) return Refusal::kClaimMalformed;
  if (leaf_sha256.size() != kSha256Bytes) return Refusal::kBindingNoCertificate;
  return base::ConstantTimeEquals(*digest, leaf_sha256) ? Refusal::kNone
                                                        : Refusal::kBindingMismatch;
}

Refusal CheckScopes(const Claims& claims, const ClaimsPolicy& policy) {
  if (policy.any_scope.empty() && policy.all_scopes.empty()) return Refusal::kNone;
  std::vector<absl::string_view> granted;
  if (!ReadScopes(claims, policy.scope_claims, &granted)) return Refusal::kClaimMalformed;
  const auto is_granted = [&](const std::string& scope) {
    return !scope.empty() && Contains(granted, scope);
  };
  const bool any = policy.any_scope.empty() ||
                   std::any_of(policy.any_scope.begin(), policy.any_scope.end(), is_granted);
  const bool all = std::all_of(policy.all_scopes.begin(), policy.all_scopes.end(), is_granted);
  return any && all ? Refusal::kNone : Refusal::kScope;
}

Refusal CheckType(const Claims& claims, const ClaimsPolicy& policy) {
  if (policy.types.empty() || Contains(policy.types, claims.type)) return Refusal::kNone;
  return Refusal::kTokenType;
}

}  // namespace

Refusal CheckClaims(const Claims& claims, const ClaimsPolicy& policy, const ClaimsFacts& facts) {
  Refusal refusal = CheckType(claims, policy);
  if (refusal == Refusal::kNone) refusal = CheckTimes(claims, policy, facts.now);
  if (refusal == Refusal::kNone) refusal = CheckIssuer(claims, policy);
  if (refusal == Refusal::kNone) refusal = CheckAudience(claims, policy);
  if (refusal == Refusal::kNone) refusal = CheckRequired(claims, policy);
  if (refusal == Refusal::kNone) refusal = CheckBinding(claims, policy, facts.leaf_sha256);
  if (refusal == Refusal::kNone) refusal = CheckScopes(claims, policy);
  return refusal;
}

}  // namespace sallyport::jwt
