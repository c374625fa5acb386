// Insecure switches in force, in the words of the metric, `doctor` and the status. Pure,
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] std::vector<std::string> InsecureSettings(const ::sallyport::v1::Api& api);
[[nodiscard]] std::vector<std::string> InsecureSettings(
    const ::sallyport::v1::GatewaySettings& settings);

}  // namespace sallyport::authsvc
