// All checks of a planned write against the snapshot as it would be. Only for this folder.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/plan.h"

namespace sallyport::authsvc {

// `changes` are those between the two snapshots. Warnings go into the results of the plan. An error
// names its mutation where one is to blame.
[[nodiscard]] absl::Status CheckPlan(const CheckContext& context,
                                     const std::vector<SnapshotChange>& changes, Plan* plan,
                                     std::vector<std::string>* cut_off);

}  // namespace sallyport::authsvc
