// Checks of how an API's upstream is balanced, retried and watched. Pure; errors are
// INVALID_ARGUMENT with a text for whoever wrote the resource. Only for this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// `protocol` of an upstream (http1, auto, h2, h2c; empty: http1) can be spoken to that target.
[[nodiscard]] absl::Status CheckUpstreamProtocol(absl::string_view protocol, absl::string_view url);
// Balancing, retries, ejection, health check, limits, timeouts.
[[nodiscard]] absl::Status CheckUpstreamRules(const v1::Upstream& upstream, Warnings* warnings);

}  // namespace sallyport::authsvc
