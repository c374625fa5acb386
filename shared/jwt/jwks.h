// The keys of one issuer, and how they are read from a JSON Web Key Set (RFC 7517). Pure functions;
// a KeySet is a plain value that many threads may read.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/jwt/key.h"

namespace sallyport::jwt {

struct SkippedKey {
  size_t index = 0;  // in "keys"
  std::string id;    // kid where it can be told
  std::string why;   // for the operator; nothing of the key's value
};

struct KeySet {
  std::vector<Key> keys;
  std::vector<SkippedKey> skipped;
};

struct JwksOptions {
  // Take "oct" keys. Never for a set that was fetched from where everybody reads it.
  bool allow_secrets = false;
};

inline constexpr size_t kMostJwksBytes = 512 * 1024;
inline constexpr size_t kMostKeys = 128;

// Keys that cannot be used are skipped, each with why; the others stand: of an unknown type or
// curve, weak, "use" other than "sig", "key_ops" without "verify", an "alg" that the key does not
// fit, a private part in it, the same key twice. An empty set is a result (nobody passes). An error
// is InvalidArgument: not JSON, a name twice, no list "keys", too large, over 128 keys.
[[nodiscard]] absl::StatusOr<KeySet> ReadJwks(absl::string_view text,
                                              const JwksOptions& options = {});

}  // namespace sallyport::jwt
