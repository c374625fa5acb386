// Who is told of an API's events. Pure; only for this folder.
#pragma once

#include "absl/status/status.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Events that exist, addresses, methods and headers that can be sent.
[[nodiscard]] absl::Status CheckEventHandlers(const v1::Api& api);
// Percents of a quota.
[[nodiscard]] absl::Status CheckQuotaTriggers(
    const google::protobuf::RepeatedField<double>& triggers);

}  // namespace sallyport::authsvc
