// One change of one object as one write of the store: the object, the certificates that it brings,
// and every core resource that means something else afterwards. All or nothing. Private to this
// folder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "authsvc/apisix/stored_objects.h"
#include "authsvc/apisix/surroundings.h"
#include "authsvc/change/writer.h"

namespace sallyport::authsvc::apisix {

struct Change {
  const dialect::Collection* collection = nullptr;
  std::string id;
  std::optional<Json> document;  // none: it goes
  bool force = false;            // a delete of what is in use; an SNI that another object has
};

struct ChangePlan {
  Write write;
  Json value;  // as it will be stored
  std::vector<std::string> warnings;
};

// Errors: INVALID_ARGUMENT (the document is wrong: "invalid configuration: "), FAILED_PRECONDITION
// (said as it is). `now_unix` becomes update_time.
[[nodiscard]] absl::StatusOr<ChangePlan> PlanChange(const SnapshotPtr& snapshot, Change change,
                                                    int64_t now_unix,
                                                    const Surroundings& surroundings);

// The write of all routes that mean something else where kTrusted is there, or not. No object
// changes. A route that cannot be made (what it needs was taken by force) serves nothing, with a
// warning.
[[nodiscard]] absl::StatusOr<ChangePlan> PlanRefresh(const SnapshotPtr& snapshot, bool trusted,
                                                     const Surroundings& surroundings);

// What PlanChange would say of a document alone, without what it refers to.
[[nodiscard]] absl::Status CheckDocument(const dialect::Collection& collection, Json document,
                                         int64_t now_unix, const Surroundings& surroundings);

// "route [1]", who still refers to the object; empty: nobody.
[[nodiscard]] std::string UserOf(const dialect::Objects& objects,
                                 const dialect::Collection& collection, absl::string_view id);

}  // namespace sallyport::authsvc::apisix
