// Gateway settings without a store, for who checks a configuration before anything runs. Pure.
#pragma once

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// INVALID_ARGUMENT: what a write would be refused for whatever is stored. Whether a reference is
// there and can be used is not looked at: a write takes it as pending.
[[nodiscard]] absl::Status CheckSettingsAlone(v1::GatewaySettings settings, absl::Time now);

}  // namespace sallyport::authsvc
