// Plugins of routes as core mechanisms (reference apisix.md A1.7). Private to the folder.
#pragma once

#include "authsvc/dialects/apisix/objects.h"

namespace sallyport::authsvc::dialects::apisix {

// What is in force at a route: its own, its plugin_config's, its service's, in this order, and all
// global rules. `service` may be null.
[[nodiscard]] absl::Status PluginsInForce(const Json& route, const Json* service,
                                          const Objects& objects, Json* out);
[[nodiscard]] absl::Status ApplyPlugins(const Json& plugins, v1::Api* api);

}  // namespace sallyport::authsvc::dialects::apisix
