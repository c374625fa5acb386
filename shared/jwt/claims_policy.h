// What an API demands of a verified token's claims (RFC 7519 section 4.1, RFC 8705 section 3.1,
// RFC 8725). A pure function of claims, policy and what the caller proved; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/jwt/claims.h"
#include "shared/jwt/refusal.h"

namespace sallyport::jwt {

// Leeways longer than this count as this, negative ones as none: no setting turns a check off.
inline constexpr absl::Duration kMostLeeway = absl::Hours(1);

enum class Binding : uint8_t {
  kWhenPresent,  // a token that is bound must be bound to the caller's certificate
  kRequired,     // and every token must be bound
};

struct ClaimsPolicy {
  std::vector<std::string> types;      // accepted "typ", lower case ("at+jwt"); empty: any, or none
  bool require_expiry = true;          // a token without exp is refused
  absl::Duration expiry_leeway;        // clocks differ: exp may be over for this long
  absl::Duration not_before_leeway;    // nbf may be this far away
  absl::Duration issued_at_leeway;     // iat may be this far away
  std::optional<std::string> issuer;   // byte by byte; nullopt: any, and none
  std::vector<std::string> audiences;  // one of them must be in aud; empty: not looked at
  std::vector<std::string> required_claims;  // present, and not null, "", [] or {}
  Binding binding = Binding::kWhenPresent;
  std::vector<std::string> scope_claims = {"scope", "scp"};
  std::vector<std::string> any_scope;   // one of them at least; empty: no demand
  std::vector<std::string> all_scopes;  // each of them
};

struct ClaimsFacts {
  absl::Time now;
  // SHA-256 of the DER of the leaf whose key the caller proved on this connection, 32 raw bytes;
  // empty: none. A certificate from a header only where the API says that it counts.
  absl::string_view leaf_sha256;
};

// kNone, or the first refusal in the order of refusal.h. exp is the first second that is over: a
// token is taken until just before exp + leeway; nbf and iat are taken from their second on.
[[nodiscard]] Refusal CheckClaims(const Claims& claims, const ClaimsPolicy& policy,
                                  const ClaimsFacts& facts);

}  // namespace sallyport::jwt
