// --check-config: everything that start-up would refuse, without doing any of it.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/config/authsvc_config.h"

namespace sallyport::authsvc {

// A sentence for each, that names the setting and says what to do.
struct ConfigReport {
  std::vector<std::string>
      problems;  // also what would leave the service of no use, as an expired certificate
  std::vector<std::string> warnings;
};

// `environment` as NAME=value: Tyk's variables. Reads files, makes none.
[[nodiscard]] ConfigReport LookAtConfig(const config::AuthsvcConfig& config,
                                        const std::vector<std::string>& environment,
                                        absl::Time now);

}  // namespace sallyport::authsvc
