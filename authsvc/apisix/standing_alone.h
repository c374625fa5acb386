// What can be said of a document without the objects that refer to it. Private to this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/apisix/stored_objects.h"
#include "authsvc/dialects/apisix/keyring.h"

namespace sallyport::authsvc::apisix {

// Private keys as APISIX seals them (reference apisix.md A4.2) become PEM.
[[nodiscard]] absl::Status OpenKeys(const dialect::Keyring& keyring,
                                    const dialect::Collection& collection, Json* document);

// Whether it can be converted as far as it stands alone; routes by the other one.
[[nodiscard]] absl::Status CheckAlone(const dialect::Collection& collection, const Json& document,
                                      const v1::DialectObject& object,
                                      const dialect::Objects& objects);
// What it refers to is not looked for.
[[nodiscard]] absl::Status CheckRouteAlone(Json document, const v1::DialectObject& object);

}  // namespace sallyport::authsvc::apisix
