// One signature by one key (RFC 7518 section 3, RFC 8037 section 3.1). Thread-safe, also for one
// key on many threads.
#pragma once

#include "absl/strings/string_view.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/key.h"

namespace sallyport::jwt {

// False also for a key that does not fit the algorithm, for a signature of another length than the
// algorithm's and for ECDSA's in DER instead of r and s. Leaves nothing in OpenSSL's error queue.
[[nodiscard]] bool VerifySignature(Algorithm algorithm, const Key& key,
                                   absl::string_view signing_input, absl::string_view signature);

}  // namespace sallyport::jwt
