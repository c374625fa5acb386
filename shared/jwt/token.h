// A signed JWT in compact form (RFC 7515 section 3.1, RFC 7519), parsed within bounds and not yet
// believed. Its claims come out only by VerifyToken. Pure, thread-safe; a Token is a plain value.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/json.h"
#include "shared/jwt/refusal.h"

namespace sallyport::jwt {

inline constexpr size_t kMostTokenBytes = 16 * 1024;

// What a verified token says. Made by VerifyToken; read by CheckClaims and claims.h.
struct Claims {
  std::string type;  // "typ" of the header, lower case, without "application/"; empty: none
  Json body;         // an object
};

class Token {
 public:
  [[nodiscard]] Algorithm algorithm() const { return algorithm_; }
  [[nodiscard]] const std::string& key_id() const { return key_id_; }  // empty: none
  // To choose the keys by, and for nothing else: whoever made the token may write any issuer.
  [[nodiscard]] absl::string_view unverified_issuer() const;
  // Likewise: all that it says of itself.
  [[nodiscard]] const Json& unverified_claims() const { return claims_.body; }
  [[nodiscard]] bool unverified_bound() const;  // it names a certificate or key (RFC 7800)

 private:
  friend Refusal ParseToken(absl::string_view text, const AlgorithmSet& allowed, Token* token);
  friend class TokenVerifier;

  Algorithm algorithm_ = Algorithm::kEdDsa;
  std::string key_id_;
  std::string signing_input_;
  std::string signature_;
  Claims claims_;
};

// kNone, or why not: kTooLarge, kMalformed, kAlgorithm, kCritical. The algorithm is looked at
// before anything but the header is decoded. Of the header only alg, kid, typ, crit and b64 are
// read: a key or an address that a token brings along (jwk, jku, x5c, x5u) is never looked at.
// `*token` is changed by success alone.
[[nodiscard]] Refusal ParseToken(absl::string_view text, const AlgorithmSet& allowed, Token* token);

}  // namespace sallyport::jwt
