// The facts of a certificate that its record carries, so that a start parses none. Pure functions.
#pragma once

#include "absl/status/status.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Fills `summary` from the first certificate or the bare public key. INVALID_ARGUMENT: neither, or
// it does not parse.
[[nodiscard]] absl::Status Summarize(v1::Certificate* certificate);

}  // namespace sallyport::authsvc
