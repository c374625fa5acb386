// Checks of how an API's upstream is balanced, retried and watched. Pure; errors are INVALID_ARGUMENT with a text
// for whoever wrote the resource. Only for this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Balancing, retries, ejection, health check, limits, timeouts.
[[nodiscard]] absl::Status CheckUpstreamRules(const v1::Upstream& upstream, Warnings* warnings);

}  // namespace sallyport::authsvc
