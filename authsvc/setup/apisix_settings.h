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
  // `own`: the configuration without the file; `started`: with what the file said at the start, and
  // `settings` what that means. `environment` as above.
  ApisixConfigFile(config::AuthsvcConfig own, config::AuthsvcConfig started,
                   apisix::AdminApiSettings settings, std::vector<std::string> environment);

  // What the files mean now, when they have changed and stand still since the last look. A file
  // that cannot be read or is wrong is logged, and what was read before goes on, but for admin keys
  // that its list no longer has. What this process has not taken up since its start is logged by
  // name with each change.
  [[nodiscard]] std::optional<apisix::AdminApiSettings> Look(absl::Time now);

 private:
  [[nodiscard]] std::string Stamps() const;
  [[nodiscard]] absl::StatusOr<apisix::AdminApiSettings> Read(absl::string_view text,
                                                              absl::Time now,
                                                              config::AuthsvcConfig* config) const;
  [[nodiscard]] std::optional<apisix::AdminApiSettings> Taken(const config::AuthsvcConfig& config,
                                                              apisix::AdminApiSettings settings);
  [[nodiscard]] std::optional<apisix::AdminApiSettings> Withdrawn(absl::string_view text);
  void KeepLast(std::vector<apisix::AdminKey> left);
  void Complain(const absl::Status& status);

  const config::AuthsvcConfig own_, started_;
  const std::vector<std::string> environment_;
  config::AdminConfig read_;  // names the files that count
  apisix::AdminApiSettings settings_;
  std::string stamps_;     // of the files as last read
  std::string seen_;       // of files that have changed and are looked at once more
  std::string complaint_;  // logged already
};

}  // namespace sallyport::authsvc
