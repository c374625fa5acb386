// jwt-auth of a consumer (reference apisix.md A1.7): a token issuer whose tokens are the consumer's
// key. Private to this folder.
#pragma once

#include "authsvc/dialects/apisix/objects.h"
#include "authsvc/dialects/apisix/references.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apisix {

// `consumer`: the document, which loses its secrets; a consumer without jwt-auth is left alone.
// `stored`: the object that is replaced, or null; its secret stays where none is given. `object`
// and `out` get the issuer and the public key.
[[nodiscard]] absl::Status TakeJwtAuth(const v1::Key& key, const v1::DialectObject* stored,
                                       const Environment& environment, Json* consumer,
                                       v1::DialectObject* object, Conversion* out);

}  // namespace sallyport::authsvc::dialects::apisix
