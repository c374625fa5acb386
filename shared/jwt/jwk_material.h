// The members of a JSON Web Key that are the key itself (RFC 7518 section 6, RFC 8037 section 2).
// Only for shared/jwt. Pure, thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "shared/jwt/json.h"
#include "shared/jwt/key.h"

namespace sallyport::jwt {

// Without id and algorithm. Errors are InvalidArgument and hold nothing of the key.
[[nodiscard]] absl::StatusOr<Key> ReadJwkMaterial(const Json& jwk, bool allow_secrets);

}  // namespace sallyport::jwt
