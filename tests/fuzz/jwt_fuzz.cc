// Tokens and key sets from anyone: no input may crash or take long, nothing but the token that was
// really signed is verified, and what was taken is taken again in the same way. A third of the
// inputs are edits of a good token, a third of a good key set.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "shared/crypto/openssl.h"
#include "shared/jwt/base64url.h"
#include "shared/jwt/claims.h"
#include "shared/jwt/claims_policy.h"
#include "shared/jwt/jwks.h"
#include "shared/jwt/verify.h"
#include "tests/fuzz/edits.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"

namespace sallyport::jwt {
namespace {

void Demand(bool condition) {
  if (!condition) std::abort();
}

AlgorithmSet AllAlgorithms() {
  AlgorithmSet all = PublicKeyAlgorithms();
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    all.Add(algorithm);
  }
  return all;
}

std::string GoodJwks() {
  return absl::StrCat("{\"keys\":[", vectors::kRfc7515A1Key, ",", vectors::kRfc7515A3Key, ",",
                      vectors::kRfc8037A4Key, "]}");
}

absl::StatusOr<KeySet> Read(absl::string_view text) {
  JwksOptions options;
  options.allow_secrets = true;
  return ReadJwks(text, options);
}

// Every reader of claims; the outcome must not depend on who asks twice.
void CheckReaders(const Claims& claims) {
  ClaimsPolicy policy;
  policy.audiences = {"joe"};
  policy.required_claims = {"iss"};
  policy.any_scope = {"s"};
  ClaimsFacts facts;
  facts.now = absl::FromUnixSeconds(1'300'819'000);
  Demand(CheckClaims(claims, policy, facts) == CheckClaims(claims, policy, facts));
  for (const std::string& name : claims.body.names) {
    const std::optional<std::string> identity = IdentityClaim(claims, name);
    Demand(!identity.has_value() || (!identity->empty() && identity->size() <= kMostIdentityBytes &&
                                     identity->find('\n') == std::string::npos));
  }
}

// Nobody without a key makes another token of the good one: one that verifies says the same, and
// its text is the same but for what ECDSA and nothing else leaves open (not found by edits).
void CheckToken(absl::string_view text) {
  static const KeySet* const keys = new KeySet(*Read(GoodJwks()));
  Token token;
  const Refusal refusal = ParseToken(text, AllAlgorithms(), &token);
  Demand(!RefusalName(refusal).empty());
  if (refusal != Refusal::kNone) return;
  Claims claims;
  const bool verified = VerifyToken(token, *keys, &claims) == Refusal::kNone;
  Demand(crypto::TakeErrors().empty());
  if (!verified) return;
  Demand(text == vectors::kRfc7515A1Token || text == vectors::kRfc7515A3Token);
  CheckReaders(claims);
}

// Claims that nobody signed, as a reader would get them.
void CheckBody(absl::string_view text) {
  absl::StatusOr<Json> json = ReadJsonObject(text, {});
  if (!json.ok()) return;
  const Claims claims = {"", *std::move(json)};
  CheckReaders(claims);
}

void CheckJwks(absl::string_view text) {
  const absl::StatusOr<KeySet> set = Read(text);
  Demand(crypto::TakeErrors().empty());
  if (!set.ok()) {
    Demand(!set.status().message().empty());
    return;
  }
  for (const Key& key : set->keys) {
    Demand((key.public_key() == nullptr) == (key.type() == KeyType::kSecret));
    Demand(key.type() != KeyType::kSecret || key.secret().size() >= kLeastSecretBytes);
  }
  for (const SkippedKey& skipped : set->skipped) Demand(!skipped.why.empty());
}

}  // namespace
}  // namespace sallyport::jwt

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sallyport;
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 6) {
    case 0: jwt::CheckToken(fuzz::Edited(jwt::vectors::kRfc7515A1Token, input)); break;
    case 1: jwt::CheckToken(fuzz::Edited(jwt::vectors::kRfc7515A3Token, input)); break;
    case 2: jwt::CheckToken(input); break;
    case 3: jwt::CheckBody(input); break;
    case 4: jwt::CheckJwks(input); break;
    default: jwt::CheckJwks(fuzz::Edited(jwt::GoodJwks(), input)); break;
  }
  return 0;
}
