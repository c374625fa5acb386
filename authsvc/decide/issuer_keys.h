// What a token issuer's own certificates and algorithms allow. Pure; for this folder, and
// for the tokens of authsvc/admin.
#pragma once

#include "absl/time/time.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/jwks.h"

namespace sallyport::authsvc {

// The public keys of its certificate_ids that are there, in date and usable.
[[nodiscard]] jwt::KeySet OwnKeysOf(const Snapshot& snapshot, const v1::TokenIssuer& issuer,
                                    absl::Time now);
// An issuer that lists none signs by all that verify with a public key; one that has shared secrets
// by those of HS256, HS384 and HS512 that it lists.
[[nodiscard]] bool MayUse(const v1::TokenIssuer& issuer, jwt::Algorithm algorithm);

}  // namespace sallyport::authsvc
