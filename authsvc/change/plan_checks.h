// All checks of a planned write against the snapshot as it would be. Only for this folder.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/plan.h"

namespace sallyport::authsvc {

// Warnings go into the results of the plan. An error names its mutation.
[[nodiscard]] absl::Status CheckPlan(const CheckContext& context, Plan* plan,
                                     std::vector<std::string>* cut_off);

}  // namespace sallyport::authsvc
