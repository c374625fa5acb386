// `apply`: many documents of any dialect -> one list of resources to put, all or nothing. Pure; the
// writer finds what differs, authsvc/admin/apply.h runs the plan.
#pragma once

#include <cstddef>
#include <vector>

#include "authsvc/dialects/conversion.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc::dialects {

struct PlannedPut {
  Converted put;
  size_t result = 0;  // its place in `results`
};

struct ApplyPlan {
  std::vector<PlannedPut> puts;        // certificates first
  std::vector<std::string> gone_apis;  // stored APIs that go, by id
  // One per resource, or per document that could not be converted, in the order of the documents.
  // The outcome is "refused" or empty: the writer's to fill in.
  std::vector<v1::ApplyResult> results;
  bool refused = false;            // something was refused: put nothing
  bool of_what_is_stored = false;  // what was stored had a part in it: put only onto that
};

[[nodiscard]] ApplyPlan PlanApply(const v1::ApplyRequest& request, const ConvertOptions& options);

// "Certificate", "Api", ... of a resource; empty when it has no body.
[[nodiscard]] absl::string_view KindOf(const v1::Resource& resource);

}  // namespace sallyport::authsvc::dialects
