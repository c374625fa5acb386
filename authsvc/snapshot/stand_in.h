// Whose login stands in for that of a user name that nobody has. Thread-safe.
#pragma once

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {

// A key of that organisation that has a login: for one user name the same one in every process,
// until logins come, go or change, for many names all of them; which one is known to nobody
// outside. O(log n). Null: nobody has a login there. Lives as long as the snapshot.
[[nodiscard]] const KeyEntry* FindStandIn(const Snapshot& snapshot, absl::string_view org,
                                          absl::string_view username);

}  // namespace sallyport::authsvc
