// Checks of an SSL object's own fields (reference apisix.md A1.4). Private to this folder.
#pragma once

#include <string>
#include <vector>

#include "authsvc/dialects/apisix/objects.h"

namespace sallyport::authsvc::dialects::apisix {

// status: 0 or 1; of routes as well.
[[nodiscard]] absl::Status CheckStatusValue(const Json& document);
// sni and snis, as they are compared.
[[nodiscard]] absl::Status TakeNames(const Json& document, std::vector<std::string>* names);
// ssl_protocols; nothing is said where both are taken.
[[nodiscard]] absl::Status TakeProtocols(const Json& document, v1::DialectObject* object);
// client.skip_mtls_uri_regex.
[[nodiscard]] absl::Status CheckExempt(const Json& client);

}  // namespace sallyport::authsvc::dialects::apisix
