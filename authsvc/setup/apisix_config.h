// --apisix-config: what APISIX's conf/config.yaml says of the Admin API, laid over this process's
// configuration at every start (DESIGN 10, reference apisix.md A2). Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/config/authsvc_config.h"

namespace sallyport::authsvc {

// The warnings; kInvalidArgument with all refusals. No key is in either.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> TakeApisixConfig(
    absl::string_view text, config::AuthsvcConfig* config);

// Whether a key without a certificate is worth more at admin.port than where /apisix is served: the
// keys of an APISIX configuration then count there alone.
[[nodiscard]] bool DemandsMoreThanOthers(const config::AdminConfig& admin);
// The keys behind the first `own_keys`.
void KeepToApisix(size_t own_keys, config::AdminConfig* admin);

// deployment.admin.admin_key alone, whatever is wrong elsewhere; no list is an empty one. None:
// something is wrong in it, or around it where there is no list.
[[nodiscard]] std::optional<std::vector<config::AdminKeyConfig>> ApisixAdminKeys(
    absl::string_view text);

}  // namespace sallyport::authsvc
