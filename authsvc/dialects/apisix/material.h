// Certificates and keys out of documents: what a document brings becomes certificates of the store,
// keys leave the document (reference apisix.md A1.4, A1.6), and what must not be stored is refused.
// Pure, thread-safe.
#pragma once

#include "authsvc/dialects/apisix/objects.h"
#include "authsvc/dialects/apisix/references.h"
#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects::apisix {

// Of any collection. `document` loses its keys; `object` gets names and certificate ids; `out` gets
// the certificates, trust bundles and the consumer's key, and warnings. `stored`: the object that
// is replaced, or null.
[[nodiscard]] absl::Status TakeMaterial(const Collection& collection, absl::string_view id,
                                        const v1::DialectObject* stored, int64_t now_unix,
                                        const Environment& environment, Json* document,
                                        v1::DialectObject* object, Conversion* out);

}  // namespace sallyport::authsvc::dialects::apisix
