// A write made ready: resources as they will be stored (ids, times, sealed keys, what is kept from
// the stored ones), with what does not change left out. Only for this folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/change/writer.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/store/store.h"

namespace sallyport::authsvc {

inline constexpr size_t kNoResult = SIZE_MAX;

struct PlannedChange {
  Kind kind = Kind::kApi;
  std::string id;
  bool erase = false;
  bool force = false;
  v1::Resource resource;      // unless erase
  size_t result = kNoResult;  // in Plan::results; none for a change that follows from another
  size_t mutation = kNoResult;
};

struct Plan {
  std::vector<PlannedChange> changes;
  std::vector<PlannedChange> unchanged;  // checked all the same: a warning stays one
  std::vector<MutationResult> results;
};

struct PlanInput {
  Store* store;
  const crypto::Sealer* sealer;
  const Snapshot& before;
  absl::Time now;
};

// An error names the mutation by FailedMutation where one is to blame. Reads the store.
[[nodiscard]] absl::StatusOr<Plan> MakePlan(const PlanInput& input, const Write& write);

// The status with the position of a mutation in it.
[[nodiscard]] absl::Status AtMutation(absl::Status status, size_t mutation);

}  // namespace sallyport::authsvc
