// Signed tokens as mechanisms: which one is meant, who signed it, what it says of the caller.
#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "authsvc/decide/decider.h"
#include "authsvc/decide/issuer_keys.h"
#include "authsvc/decide/logins.h"
#include "shared/jwt/claims.h"
#include "shared/jwt/claims_policy.h"
#include "shared/jwt/verify.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

constexpr size_t kMostIssuers = 64;     // of one organisation that are looked at
constexpr size_t kMostListed = 1024;    // with those between them that select their tokens
constexpr size_t kMostCandidates = 4;   // whose keys are tried
constexpr size_t kMostJwtScopes = 256;  // granted by one token

bool IsPlaceOf(const v1::JwtAuth& jwt, const v1::Credential& credential) {
  if (credential.place() == "header") {
    return !jwt.disable_header() &&
           absl::EqualsIgnoreCase(credential.name(),
                                  jwt.header_name().empty() ? "authorization" : jwt.header_name());
  }
  if (credential.place() == "query")
    return !jwt.query_name().empty() && credential.name() == jwt.query_name();
  return credential.place() == "cookie" && !jwt.cookie_name().empty() &&
         credential.name() == jwt.cookie_name();
}

const v1::Credential* ChooseJwt(const v1::JwtAuth& jwt, const v1::AuthorizeRequest& request) {
  const v1::Credential* chosen = nullptr;
  for (const v1::Credential& credential : request.credentials()) {
    if (credential.mechanism() == "jwt" && IsPlaceOf(jwt, credential)) chosen = &credential;
  }
  return chosen;
}

Reason ReasonOf(jwt::Refusal refusal) {
  switch (refusal) {
    case jwt::Refusal::kExpired: return Reason::kTokenExpired;
    case jwt::Refusal::kBindingMissing:
    case jwt::Refusal::kBindingUnsupported:
    case jwt::Refusal::kBindingNoCertificate:
    case jwt::Refusal::kBindingMismatch: return Reason::kCertBindingMismatch;
    default: return Reason::kTokenInvalid;
  }
}

Refusal NoJwt(jwt::Refusal refusal, absl::string_view issuer) {
  return No(ReasonOf(refusal),
            absl::StrCat("token of issuer ", issuer, ": ", jwt::RefusalText(refusal)));
}

// Names counters: no issuer's caller must be another one's, whatever a token says its name is.
std::string JwtKeyId(absl::string_view issuer_id, absl::string_view identity) {
  return absl::StrCat("jwt:", absl::StrReplaceAll(issuer_id, {{"%", "%25"}, {":", "%3A"}}), ":",
                      identity);
}

std::string TextClaim(const jwt::Claims& claims, const std::string& name,
                      absl::string_view otherwise) {
  const absl::string_view asked = name.empty() ? otherwise : absl::string_view(name);
  return jwt::IdentityClaim(claims, asked).value_or("");
}

}  // namespace

std::optional<Refusal> Decider::TryJwt(const v1::JwtAuth& jwt) {
  const bool optional = jwt.requirement() == v1::REQUIREMENT_OPTIONAL;
  const v1::Credential* const credential = ChooseJwt(jwt, request_);
  if (credential == nullptr) {
    Refusal missing = No(Reason::kTokenRequired, "no signed token where the API looks for one");
    if (!optional) return missing;
    if (!missing_.has_value()) missing_ = std::move(missing);
    return std::nullopt;
  }
  AcceptedJwt accepted;
  auto refusal = VerifyJwt(jwt, credential->jwt(), &accepted);
  const KeyEntry* const before = key_;
  if (!refusal.has_value()) refusal = FindByIssuer(*accepted.issuer);
  if (!refusal.has_value()) {
    TakeJwt(jwt, accepted);
    return std::nullopt;
  }
  // Who binds a token to a certificate means both.
  if (!optional || !MayPassOver() || accepted.bound) return refusal;
  key_ = before;
  Pass("identify",
       [&] { return absl::StrCat("the optional token is passed over: ", refusal->detail); });
  return std::nullopt;
}

// Who could have signed it, by its own word for "iss" and for the claim that selects: of those that
// the API names, else of its organisation.
std::vector<const TokenIssuerEntry*> Decider::SignersOf(const v1::JwtAuth& jwt,
                                                        const jwt::Token& token) {
  std::vector<const TokenIssuerEntry*> signers;
  const auto consider = [&](const TokenIssuerEntry& entry, bool named) {
    const v1::TokenIssuer& issuer = entry.issuer;
    if (!issuer.org_id().empty() && issuer.org_id() != api().org_id()) return;
    const bool selected = !issuer.select_claim().empty();
    if (selected && token.unverified_claims().Text(issuer.select_claim()) != issuer.select_value())
      return;
    if (issuer.issuer().empty() ? !named && !selected
                                : issuer.issuer() != token.unverified_issuer())
      return;
    if (signers.size() < kMostCandidates) signers.push_back(&entry);
  };
  for (const std::string& id : jwt.issuer_ids()) {
    AddTag("issuer:", id);
    if (const TokenIssuerEntry* entry = snapshot_.FindTokenIssuer(id)) consider(*entry, true);
  }
  if (!jwt.issuer_ids().empty()) return signers;
  // There may be as many of these as there are callers: they are looked up, not walked through.
  const jwt::Json& claims = token.unverified_claims();
  for (size_t i = 0; i < claims.items.size(); ++i) {
    if (!claims.items[i].IsString()) continue;
    const TokenIssuerEntry* const entry =
        snapshot_.FindTokenIssuerSelected(api().org_id(), claims.names[i], claims.items[i].text);
    if (entry != nullptr) consider(*entry, false);
  }
  size_t seen = 0, considered = 0;
  snapshot_.ForEachTokenIssuer(api().org_id(), [&](const TokenIssuerEntry& entry) {
    if (entry.issuer.select_claim().empty()) {
      consider(entry, false);
      ++considered;
    }
    return ++seen < kMostListed && considered < kMostIssuers;
  });
  return signers;
}

// APISIX tells callers what is wrong with a token before its signature (reference apisix.md A1.7).
// In every other style this is one and the same reason.
Reason Decider::ToldAsApisix(Reason reason) const {
  return api().style() == "apisix" ? reason : Reason::kTokenInvalid;
}

// Nobody could have signed it: does it hold the claim by which signers are told apart?
Refusal Decider::NoSigner(const jwt::Token& token) const {
  std::string claim;
  size_t seen = 0;
  snapshot_.ForEachTokenIssuer(api().org_id(), [&](const TokenIssuerEntry& entry) {
    claim = entry.issuer.select_claim();
    return claim.empty() && ++seen < kMostListed;
  });
  const bool names_one = claim.empty() || token.unverified_claims().Find(claim) != nullptr;
  return No(ToldAsApisix(names_one ? Reason::kTokenUnknown : Reason::kTokenNamesNobody),
            "the token's issuer is none that the API knows");
}

std::optional<Refusal> Decider::VerifyJwt(const v1::JwtAuth& jwt, const std::string& text,
                                          AcceptedJwt* accepted) {
  AddTag("issuers:", api().org_id());
  jwt::Token token;
  // Which of them counts, the issuer says (MayUse).
  const jwt::Refusal parsed = jwt::ParseToken(text, jwt::EveryAlgorithm(), &token);
  if (parsed != jwt::Refusal::kNone) {
    const bool unread = parsed == jwt::Refusal::kMalformed || parsed == jwt::Refusal::kTooLarge;
    return No(unread ? ToldAsApisix(Reason::kTokenMalformed) : ReasonOf(parsed),
              std::string(jwt::RefusalText(parsed)));
  }
  accepted->bound = token.unverified_bound();
  const std::vector<const TokenIssuerEntry*> signers = SignersOf(jwt, token);
  if (signers.empty()) return NoSigner(token);
  Refusal refusal;
  for (const TokenIssuerEntry* entry : signers) {
    auto failed = VerifyByIssuer(*entry, token, accepted);
    if (!failed.has_value()) failed = CheckJwtClaims(jwt, *accepted);
    if (!failed.has_value()) return std::nullopt;
    refusal = *std::move(failed);
    if (refusal.reason != Reason::kTokenInvalid) break;
  }
  return refusal;
}

std::optional<Refusal> Decider::VerifyByIssuer(const TokenIssuerEntry& entry,
                                               const jwt::Token& token, AcceptedJwt* accepted) {
  const v1::TokenIssuer& issuer = entry.issuer;
  AddTag("issuer:", issuer.id());
  for (const std::string& id : issuer.certificate_ids()) AddTag("cert:", id);
  if (!MayUse(issuer, token.algorithm())) return NoJwt(jwt::Refusal::kAlgorithm, issuer.id());
  if (jwt::IsSymmetric(token.algorithm())) return VerifyBySecret(issuer, token, accepted);
  jwt::Refusal refusal = jwt::Refusal::kNoKey;
  const jwt::KeySet own = OwnKeysOf(snapshot_, issuer, now_);
  if (!own.keys.empty()) refusal = jwt::VerifyToken(token, own, &accepted->claims);
  const bool lacks_key = refusal == jwt::Refusal::kNoKey || refusal == jwt::Refusal::kSignature;
  if (lacks_key && !issuer.jwks_url().empty()) {
    const KeySets* const sets = question_.key_sets;
    const FetchedKeysPtr fetched = sets != nullptr ? sets->Find(issuer) : nullptr;
    if (fetched != nullptr) refusal = jwt::VerifyToken(token, fetched->keys, &accepted->claims);
    const bool ask = fetched == nullptr || (refusal == jwt::Refusal::kNoKey && sets != nullptr &&
                                            sets->MayAskAgain(issuer));
    if (ask && question_.needs != nullptr) question_.needs->issuer_ids.push_back(issuer.id());
    if (fetched == nullptr) {
      return No(Reason::kTokenKeysUnavailable,
                absl::StrCat("the key set of issuer ", issuer.id(), " (", issuer.jwks_url(),
                             ") could not be had"));
    }
  }
  if (refusal != jwt::Refusal::kNone) return NoJwt(refusal, issuer.id());
  accepted->issuer = &issuer;
  return std::nullopt;
}

std::optional<Refusal> Decider::VerifyBySecret(const v1::TokenIssuer& issuer,
                                               const jwt::Token& token, AcceptedJwt* accepted) {
  const auto keys = question_.open_secrets ? question_.open_secrets(issuer) : nullptr;
  if (keys == nullptr) {
    return No(Reason::kTokenKeysUnavailable,
              absl::StrCat("the shared secrets of issuer ", issuer.id(), " cannot be opened"));
  }
  const jwt::Refusal refusal = jwt::VerifyToken(token, *keys, &accepted->claims);
  if (refusal != jwt::Refusal::kNone) return NoJwt(refusal, issuer.id());
  accepted->issuer = &issuer;
  return std::nullopt;
}

// Where all tokens of an issuer are one key's, it is as if the key's own token had been shown.
std::optional<Refusal> Decider::FindByIssuer(const v1::TokenIssuer& issuer) {
  if (issuer.key_id().empty()) return std::nullopt;
  AddTag("key:", issuer.key_id());
  const KeyEntry* const found = snapshot_.FindKey(issuer.key_id());
  if (found == nullptr || found->key.org_id() != api().org_id()) {
    return No(Reason::kTokenUnknown,
              absl::StrCat("key ", issuer.key_id(), " of issuer ", issuer.id(), " is not there"));
  }
  if (key_ != nullptr && key_ != found) {
    return No(Reason::kCertBindingMismatch,
              absl::StrCat("the signed token is of key ", found->key.id(),
                           ", the other credential of key ", key_->key.id()));
  }
  key_ = found;
  Pass("identify", [&] {
    return absl::StrCat("tokens of issuer ", issuer.id(), " are key ", found->key.id(), "'s");
  });
  return CheckBindings();
}

std::optional<Refusal> Decider::CheckJwtClaims(const v1::JwtAuth& jwt,
                                               const AcceptedJwt& accepted) {
  const v1::TokenIssuer& issuer = *accepted.issuer;
  jwt::ClaimsPolicy policy;
  const absl::Duration leeway = absl::Seconds(jwt.leeway_seconds() + issuer.leeway_seconds());
  policy.expiry_leeway = policy.not_before_leeway = policy.issued_at_leeway = leeway;
  if (!issuer.issuer().empty()) policy.issuer = issuer.issuer();
  policy.audiences.assign(jwt.audiences().begin(), jwt.audiences().end());
  if (issuer.key_id().empty())
    policy.required_claims = {jwt.identity_claim().empty() ? "sub" : jwt.identity_claim()};
  if (jwt.require_binding()) policy.binding = jwt::Binding::kRequired;
  jwt::ClaimsFacts facts;
  facts.now = now_;
  const bool counts = request_.proof() == v1::PROOF_TLS || jwt.header_certificate_binds();
  if (presented_.any() && counts) facts.leaf_sha256 = DigestBytes(presented_.fingerprint);
  const jwt::Refusal refusal = jwt::CheckClaims(accepted.claims, policy, facts);
  std::optional<absl::Time> time;
  if (refusal == jwt::Refusal::kNotYetValid && jwt::ReadTimeClaim(accepted.claims, "nbf", &time) &&
      time.has_value()) {
    not_yet_ = std::min(not_yet_, *time - leeway);
  }
  if (refusal != jwt::Refusal::kNone) return NoJwt(refusal, issuer.id());
  if (!jwt::ReadTimeClaim(accepted.claims, "exp", &time) || !time.has_value())
    return NoJwt(jwt::Refusal::kNoExpiry, issuer.id());
  hard_expiry_ = std::min(hard_expiry_, *time + leeway);
  // A certificate that a token is bound to is held to what every other one is.
  if (!accepted.bound) return std::nullopt;
  if (auto failed = CheckLeaf()) return failed;
  certificate_accepted_ = true;
  return std::nullopt;
}

void Decider::TakeJwt(const v1::JwtAuth& jwt, const AcceptedJwt& accepted) {
  const v1::TokenIssuer& issuer = *accepted.issuer;
  token_passed_ = true;
  const std::string identity = TextClaim(accepted.claims, jwt.identity_claim(), "sub");
  if (jwt_identity_.empty()) jwt_identity_ = identity;
  std::vector<std::string> scope_claims(issuer.scope_claims().begin(), issuer.scope_claims().end());
  if (scope_claims.empty()) scope_claims = {"scope", "scp"};
  std::vector<absl::string_view> scopes;
  if (jwt::ReadScopes(accepted.claims, scope_claims, &scopes)) {
    for (const absl::string_view scope : scopes) {
      if (scopes_.size() < kMostJwtScopes) scopes_.emplace_back(scope);
    }
  }
  std::string consumer = TextClaim(accepted.claims, issuer.consumer_claim(), "azp");
  if (consumer.empty() && issuer.consumer_claim().empty())
    consumer = TextClaim(accepted.claims, "client_id", "client_id");
  if (!consumer.empty()) jwt_metadata_.emplace_back("consumer", std::move(consumer));
  for (const auto& [claim, name] : issuer.claim_metadata()) {
    if (auto value = jwt::IdentityClaim(accepted.claims, claim))
      jwt_metadata_.emplace_back(name, *std::move(value));
  }
  Pass("identify",
       [&] { return absl::StrCat("a token of issuer ", issuer.id(), " for \"", identity, "\""); });
  TakeJwtRights(jwt, accepted, identity);
}

// The policies that the token brings, as those of a key.
void Decider::TakeJwtRights(const v1::JwtAuth& jwt, const AcceptedJwt& accepted,
                            const std::string& identity) {
  if (jwt.policy_claim().empty() && jwt.default_policy_ids().empty() &&
      jwt.scope_policies().empty()) {
    return;
  }
  if (key_ != nullptr) return;  // its certificate's or its token's rights hold
  KeyEntry& entry = jwt_key_.emplace();
  v1::Key& key = entry.key;
  key.set_id(JwtKeyId(accepted.issuer->id(), identity));
  key.set_org_id(api().org_id());
  key.set_alias(identity);
  if (!jwt.policy_claim().empty()) {
    const std::string id = TextClaim(accepted.claims, jwt.policy_claim(), "");
    if (!id.empty()) key.add_policy_ids(id);
  }
  for (const std::string& scope : scopes_) {
    const auto found = jwt.scope_policies().find(scope);
    if (found == jwt.scope_policies().end()) continue;
    if (absl::c_find(key.policy_ids(), found->second) == key.policy_ids().end())
      key.add_policy_ids(found->second);
  }
  if (key.policy_ids().empty()) *key.mutable_policy_ids() = jwt.default_policy_ids();
  key_ = &entry;
}

}  // namespace sallyport::authsvc
