#include "shared/jwt/verify.h"

#include <utility>

#include "shared/jwt/signature.h"

namespace sallyport::jwt {

class TokenVerifier {
 public:
  static Refusal Check(const Token& token, const KeySet& keys) {
    int tried = 0;
    for (const Key& key : keys.keys) {
      if (!IsCandidate(token, key)) continue;
      if (++tried > kMostKeysTried) return Refusal::kTooManyKeys;
      if (VerifySignature(token.algorithm_, key, token.signing_input_, token.signature_)) {
        return Refusal::kNone;
      }
    }
    return tried == 0 ? Refusal::kNoKey : Refusal::kSignature;
  }
  static Claims TakeClaims(Token* token) { return std::move(token->claims_); }

 private:
  static bool IsCandidate(const Token& token, const Key& key) {
    if (!key.Fits(token.algorithm())) return false;
    return token.key_id().empty() || key.id().empty() || key.id() == token.key_id();
  }
};

Refusal VerifyToken(Token token, const KeySet& keys, Claims* claims) {
  const Refusal refusal = TokenVerifier::Check(token, keys);
  if (refusal == Refusal::kNone) *claims = TokenVerifier::TakeClaims(&token);
  return refusal;
}

}  // namespace sallyport::jwt
