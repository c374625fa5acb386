// The key sets of token issuers as they were fetched: a decision reads them and never waits for
// one.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/jwt/jwks.h"

namespace sallyport::v1 {
class TokenIssuer;
}

namespace sallyport::authsvc {

struct FetchedKeys {
  jwt::KeySet keys;
  absl::Duration fetched;  // when, monotonic
};
using FetchedKeysPtr = std::shared_ptr<const FetchedKeys>;

// The shared secrets of an issuer as keys, opened; null: they cannot be opened. Thread-safe, does
// not block on the store.
using SecretKeysOpener = std::function<std::shared_ptr<const jwt::KeySet>(const v1::TokenIssuer&)>;

class KeySets {
 public:
  virtual ~KeySets() = default;
  // What the issuer's jwks_url answered last, as long as it may be used; null: nothing that may be.
  // Thread-safe, does not block.
  [[nodiscard]] virtual FetchedKeysPtr Find(const v1::TokenIssuer& issuer) const = 0;
  // A token named a key that this set does not hold: whether the set may be asked for again by now.
  [[nodiscard]] virtual bool MayAskAgain(const v1::TokenIssuer& issuer) const = 0;
};

}  // namespace sallyport::authsvc
