// methods, vars and remote_addr(s) of a route as conditions of the core. Private to the folder.
#pragma once

#include "authsvc/dialects/apisix/objects.h"

namespace sallyport::authsvc::dialects::apisix {

[[nodiscard]] absl::Status ConvertConditions(const Json& route, v1::RouteMatching* out);

}  // namespace sallyport::authsvc::dialects::apisix
