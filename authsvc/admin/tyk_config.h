// --tyk-config: a tyk.conf, with the TYK_GW_* variables of this process over it, becomes gateway
// settings at every start (DESIGN 10). Blocks for the store.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "shared/base/clock.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::admin {

struct TykConfig {
  std::string name;  // of the file, for messages
  std::string text;
  std::vector<std::string> environment;  // NAME=value; others than Tyk's are passed over
};

// kInvalidArgument with all refusals. Warnings go to the log; no value of a variable is in either.
[[nodiscard]] absl::Status TakeTykConfig(Writer& writer, const base::Clock& clock,
                                         absl::string_view default_org_id, TykConfig config);

// What TakeTykConfig would refuse, without a store: kInvalidArgument with all refusals, else the
// warnings. What depends on the store (references that are not there, or cannot be used) is not
// looked at.
[[nodiscard]] absl::StatusOr<std::vector<std::string>> CheckTykConfig(
    absl::Time now, absl::string_view default_org_id, TykConfig config);

// Where no file is given: kInvalidArgument when a variable that says something about certificates,
// pins or verification is set, which would silently not hold.
[[nodiscard]] absl::Status RefuseTykEnvironment(absl::Span<const std::string> environment);

}  // namespace sallyport::authsvc::admin
