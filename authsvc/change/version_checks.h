// Checks of an API's versions, and of what endpoints of theirs change. Pure functions; errors are
// INVALID_ARGUMENT with a text for whoever wrote the API.
#pragma once

#include "absl/status/status.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] absl::Status CheckVersions(const v1::Api& api);

}  // namespace sallyport::authsvc
