// Whether a token was signed by one of an issuer's keys. Pure, thread-safe.
#pragma once

#include "shared/jwt/jwks.h"
#include "shared/jwt/refusal.h"
#include "shared/jwt/token.h"

namespace sallyport::jwt {

inline constexpr int kMostKeysTried = 16;

// kNone and the claims, or kNoKey, kTooManyKeys, kSignature and no claims. Tried are the keys that
// fit the algorithm: with a key id in the token, those of that id and those that have none;
// without, all. kNoKey with a key id may mean that the issuer has a newer key: a reason to fetch
// its set again, within limits.
[[nodiscard]] Refusal VerifyToken(Token token, const KeySet& keys, Claims* claims);

}  // namespace sallyport::jwt
