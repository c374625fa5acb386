// JWT authentication of Tyk Classic definitions: `enable_jwt` and the fields beside it.
#pragma once

#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects {

// The mechanism of `api`, and the issuer of its tokens as a resource of its own in `out`, in front
// of the API's. Only where enable_jwt is on.
void ClassicJwt(const Fields& top, References* references, v1::Api* api);

// Whether a jwt_source can be shown: an address or a public key, never a shared secret.
[[nodiscard]] bool IsPublicJwtSource(absl::string_view text);

}  // namespace sallyport::authsvc::dialects
