// What a configuration means to the Admin API of APISIX's, and how it follows the file of
// --apisix-config and the files that it names.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/apisix/admin_api.h"
#include "shared/config/authsvc_config.h"

namespace sallyport::authsvc {

// Keys and surroundings; reads the file of trusted certificates. `environment` as NAME=value.
// INVALID_ARGUMENT names the setting.
[[nodiscard]] absl::StatusOr<apisix::AdminApiSettings> ApisixSettings(
    const config::AuthsvcConfig& config, const std::vector<std::string>& environment,
    absl::Time now);

// One thread at a time.
class ApisixConfigFile {
 public:
  // `own`: the configuration without the file; `in_force`: with what the file said at the start.
  ApisixConfigFile(config::AuthsvcConfig own, config::AuthsvcConfig in_force);

  // The configuration with what the files say now, when they have changed and stand still since the
  // last look; once for each change. A file that cannot be read or is wrong is logged, and what was
  // read before goes on. What a running service does not take up of it is logged by name.
  [[nodiscard]] std::optional<config::AuthsvcConfig> Look(absl::Time now);

 private:
  [[nodiscard]] std::string Stamps() const;
  void Complain(const absl::Status& status);

  const config::AuthsvcConfig own_;
  config::AuthsvcConfig in_force_;
  std::string stamps_;     // of the files as last read
  std::string seen_;       // of files that have changed and are looked at once more
  std::string complaint_;  // logged already
};

}  // namespace sallyport::authsvc
