// Checks of the scripts of an API (v1::VirtualEndpoint). Nothing is run here, nor parsed: this
// service holds keys. Pure functions; errors are INVALID_ARGUMENT with a text for whoever wrote the
// API.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] absl::Status CheckVirtualEndpoint(absl::string_view what,
                                                const v1::VirtualEndpoint& endpoint);
// What its scripts are told, and how much they are together.
[[nodiscard]] absl::Status CheckScripts(const v1::Api& api);

}  // namespace sallyport::authsvc
