// Why a token was refused: one closed list, in the order in which it is looked for. The caller maps
// it to its own reason and answer; the texts are for operators and hold nothing of the token.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::jwt {

// X(enumerator, NAME, text)
#define SALLYPORT_JWT_REFUSALS(X)                                                              \
  X(kNone, "NONE", "accepted")                                                                 \
  /* ParseToken */                                                                             \
  X(kTooLarge, "TOO_LARGE", "the token is too large")                                          \
  X(kMalformed, "MALFORMED", "the token is not a signed JWT in compact form")                  \
  X(kAlgorithm, "ALGORITHM_NOT_ALLOWED", "the token's algorithm is not one of those allowed")  \
  X(kCritical, "CRITICAL_HEADER", "the token's header holds crit or b64, which are not taken") \
  /* VerifyToken */                                                                            \
  X(kNoKey, "NO_KEY", "no key of the issuer fits the token's algorithm and key id")            \
  X(kTooManyKeys, "TOO_MANY_KEYS", "more keys fit than are tried; the token needs a key id")   \
  X(kSignature, "SIGNATURE", "the token's signature is wrong")                                 \
  /* CheckClaims */                                                                            \
  X(kClaimMalformed, "CLAIM_MALFORMED", "a claim of the token has the wrong type or range")    \
  X(kTokenType, "TOKEN_TYPE", "the token is not of a type that is accepted")                   \
  X(kNoExpiry, "NO_EXPIRY", "the token does not say when it expires")                          \
  X(kExpired, "EXPIRED", "the token has expired")                                              \
  X(kNotYetValid, "NOT_YET_VALID", "the token is not valid yet")                               \
  X(kIssuedInFuture, "ISSUED_IN_FUTURE", "the token says that it was issued in the future")    \
  X(kIssuer, "ISSUER", "the token is of another issuer")                                       \
  X(kAudience, "AUDIENCE", "the token is for another audience")                                \
  X(kClaimMissing, "CLAIM_MISSING", "the token lacks a required claim")                        \
  X(kBindingMissing, "BINDING_MISSING", "the token is not bound to a certificate")             \
  X(kBindingUnsupported, "BINDING_UNSUPPORTED",                                                \
    "the token is bound to something else than a "                                             \
    "certificate")                                                                             \
  X(kBindingNoCertificate, "BINDING_NO_CERTIFICATE",                                           \
    "the token is bound to a certificate and "                                                 \
    "none was proven")                                                                         \
  X(kBindingMismatch, "BINDING_MISMATCH", "the token is bound to another certificate")         \
  X(kScope, "SCOPE", "the token lacks a scope")

enum class Refusal : uint8_t {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name is declared
#define X(enumerator, name, text) enumerator,
  SALLYPORT_JWT_REFUSALS(X)
#undef X
};

[[nodiscard]] absl::string_view RefusalName(Refusal refusal);
[[nodiscard]] absl::string_view RefusalText(Refusal refusal);

}  // namespace sallyport::jwt
