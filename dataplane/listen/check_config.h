// --check-config: everything that start-up would refuse, without doing any of it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

// A sentence for each, that names the setting and says what to do; also what would leave the
// service of no use, such as an expired certificate. Reads files, makes none, opens no port.
[[nodiscard]] std::vector<std::string> ConfigProblems(const config::DataplaneConfig& config,
                                                      absl::Time now);

}  // namespace sallyport::dataplane
