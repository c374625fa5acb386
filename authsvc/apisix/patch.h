// PATCH of a document (reference apisix.md A1.3). Pure. Private to this folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "authsvc/apisix/stored_objects.h"

namespace sallyport::authsvc::apisix {

// Objects are merged, arrays replaced, null takes away.
void Merge(const Json& patch, Json* document);
// Puts `value` at "a/b/0". INVALID_ARGUMENT: "invalid sub-path: /a/b".
[[nodiscard]] absl::Status SetAt(absl::string_view path, Json value, Json* document);

}  // namespace sallyport::authsvc::apisix
