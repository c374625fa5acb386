// JWT authentication of Tyk's API definitions: `enable_jwt` of Classic and the fields beside it,
// JWT schemes of OAS. Both make an issuer of the API's own. Private to this folder.
#pragma once

#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects {

// The mechanism of `api`, and the issuer of its tokens as a resource of its own in `out`, in front
// of the API's. Only where enable_jwt is on.
void ClassicJwt(const Fields& top, References* references, v1::Api* api);

// A scheme of `server.authentication.securitySchemes` that is on; `places`: where its token is. The
// same of it as above.
void OasJwt(const Fields& scheme, const v1::TokenAuth& places, References* references,
            v1::Api* api);

// Whether a jwt_source can be shown: an address or a public key, never a shared secret.
[[nodiscard]] bool IsPublicJwtSource(absl::string_view text);

}  // namespace sallyport::authsvc::dialects
