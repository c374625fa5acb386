// The shared secrets of token issuers (HS256, HS384, HS512) on their way into the store, and out of
// it as keys for whoever verifies. No admin call gives them back; texts of errors never hold one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/mutex.h"
#include "shared/base/secret.h"
#include "shared/jwt/jwks.h"

namespace sallyport::authsvc {

// `secrets` become those of `issuer`; none: the stored ones stay where it still signs by an
// algorithm of theirs. What `stored` (may be null) seals the same keeps its ciphertext.
// INVALID_ARGUMENT: one that is no secret (shared/jwt/key.h: too short, public).
[[nodiscard]] absl::Status SealSharedSecrets(const ValueSealing& sealing,
                                             const std::vector<base::Secret>& secrets,
                                             const v1::TokenIssuer* stored,
                                             v1::TokenIssuer* issuer);

// One of those that are stored.
[[nodiscard]] absl::StatusOr<base::Secret> OpenSharedSecret(const ValueSealing& sealing,
                                                            const v1::TokenIssuer& issuer,
                                                            int index);

// Opened once for as long as they stay the same; older ones of an issuer are forgotten.
// Thread-safe.
class SecretKeys {
 public:
  // Null: one of them cannot be opened, or there are none.
  [[nodiscard]] std::shared_ptr<const jwt::KeySet> Open(const ValueSealing& sealing,
                                                        const v1::TokenIssuer& issuer);

 private:
  struct Opened {
    std::string ciphertexts;  // what was opened
    std::shared_ptr<const jwt::KeySet> keys;
  };
  base::Mutex mutex_;
  std::map<std::string, Opened> opened_ ABSL_GUARDED_BY(mutex_);  // by issuer
};

}  // namespace sallyport::authsvc
