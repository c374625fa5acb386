// What is known about a caller when the question is asked. The facts of the connection are made
// once, after the handshake (or for each request that a trusted proxy vouches for), those of the
// request per request.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/route/route.h"
#include "dataplane/sync/authsvc_client.h"
#include "shared/base/secret.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {

using PeerDigest = std::array<uint8_t, 32>;
[[nodiscard]] inline absl::string_view DigestView(const PeerDigest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// The presented certificates of one caller. Immutable, shared.
struct PeerCertificate {
  PeerCertificate(const PeerDigest& leaf, const PeerDigest& chain, std::string hex,
                  std::vector<std::string> der)
      : leaf_sha256(leaf),
        chain_sha256(chain),
        cache_key(cache::KeyBuilder().Add(DigestView(leaf)).Add(DigestView(chain)).Finish()),
        leaf_hex(std::move(hex)),
        chain_der(std::move(der)) {}

  const PeerDigest leaf_sha256;
  const PeerDigest chain_sha256;   // of the sorted set of all presented certificates' hashes
  const cache::Hash128 cache_key;  // keyed hash of both, made once per connection
  const std::string leaf_hex;      // lower case
  const std::vector<std::string> chain_der;  // leaf first, at most 8
};
using PeerCertificatePtr = std::shared_ptr<const PeerCertificate>;
// Null for an empty chain. More than 8 certificates: the first 8 count, the rest is dropped.
[[nodiscard]] PeerCertificatePtr MakePeerCertificate(std::vector<std::string> chain_der);
// After resumption only the leaf's and the chain's hash may be known: authsvc is asked with what
// there is.

// A credential as presented. The clear text is cleansed with it; authsvc gets its SHA-256 and, of a
// signed token and of a login, itself; caches a keyed hash.
struct PresentedCredential {
  TokenKind kind = TokenKind::kToken;
  absl::string_view place;  // "header" | "query" | "cookie"
  base::Secret value;
  absl::string_view name = {};  // jwt: of that place, in the route's rules

  [[nodiscard]] absl::string_view mechanism() const;  // as authsvc calls it
};

struct AuthFacts {
  const Route* route = nullptr;
  absl::string_view profile;  // RouteMatch::profile
  Proof proof = Proof::kNone;
  const PeerCertificate* peer = nullptr;  // null with kNone
  absl::string_view proxy;                // kHeader: which proxy
  bool tls = false;                       // the request came by TLS
  absl::Span<const PresentedCredential> credentials;
  absl::string_view client_address;  // for the limit of misses
  bool of_a_proxy = false;           // the connection is a trusted proxy's: many callers share it
  absl::string_view request_id;
  // Monotonic time that the caller has just read on this loop, in nanoseconds; none: the clock is
  // read. Only TryAuthorize takes it: what waits reads the clock again.
  std::optional<int64_t> now_ns;
};

// What is sent to authsvc for these facts (min_revision not filled).
[[nodiscard]] AuthorizeQuestion QuestionFor(const AuthFacts& facts);
// The same for reports: credentials by their hash alone.
[[nodiscard]] AuthorizeQuestion ReportedQuestion(const AuthFacts& facts);

// Token extraction (reference tyk.md §3): header, then query, then cookie; a later one that is not
// empty wins; a leading "Bearer " (any case) is cut. Nothing is URL-decoded twice: `query` is raw,
// its value is decoded once.
using HeaderValue =
    absl::FunctionRef<std::optional<absl::string_view>(absl::string_view lower_case_name)>;
[[nodiscard]] std::optional<PresentedCredential> ExtractToken(const TokenRules& rules,
                                                              HeaderValue header,
                                                              absl::string_view query);
// With `strip`: what is left to forward. The header named header_name is removed by the caller.
[[nodiscard]] std::string StripQueryParameter(absl::string_view query, absl::string_view name);
// "" when nothing is left: then remove the header.
[[nodiscard]] std::string StripCookie(absl::string_view cookie_header, absl::string_view name);
// The first cookie of this name in a Cookie header.
[[nodiscard]] std::optional<absl::string_view> CookieValue(absl::string_view cookie_header,
                                                           absl::string_view name);

}  // namespace sallyport::dataplane
