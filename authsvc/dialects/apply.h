// `apply`: many documents of any dialect -> one list of changes, all or nothing. Pure: reads the current
// resources through an interface and changes nothing. authsvc/admin/apply.h runs the plan.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "authsvc/dialects/conversion.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc::dialects {

// What is stored now.
class CurrentResources {
 public:
  virtual ~CurrentResources() = default;
  // `kind` as in admin.proto. nullopt: not there.
  [[nodiscard]] virtual std::optional<v1::Resource> Find(absl::string_view kind,
                                                         absl::string_view id) const = 0;
  // Ids of that kind whose Resource.set is `set`.
  [[nodiscard]] virtual std::vector<std::string> InSet(absl::string_view kind,
                                                       absl::string_view set) const = 0;
};

struct PlannedChange {
  std::string kind;
  std::string id;
  bool remove = false;
  Converted put;                     // unless remove
  uint64_t expected_revision = 0;    // that of `CurrentResources`; 0: must not exist
};

struct ApplyPlan {
  std::vector<PlannedChange> changes;      // what differs; certificates first, removals last
  std::vector<v1::ApplyResult> results;    // one per object, in the order of the documents
  bool refused = false;                    // some object was refused: apply nothing
};

[[nodiscard]] ApplyPlan PlanApply(const CurrentResources& current, const v1::ApplyRequest& request,
                                  const ConvertOptions& options);

// "Certificate", "Api", ... of a resource; empty when it has no body.
[[nodiscard]] absl::string_view KindOf(const v1::Resource& resource);

}  // namespace sallyport::authsvc::dialects
