// Checks of what a request must have beside host and path to be an API's. Private to this folder.
#pragma once

#include "absl/status/status.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

namespace v1 = sallyport::v1;

[[nodiscard]] absl::Status CheckMatching(const v1::Api& api);
// Upstream.host_header.
[[nodiscard]] absl::Status CheckHostHeader(const v1::Upstream& upstream);

}  // namespace sallyport::authsvc
