// A session as it would be with its policies applied, for /tyk/keys/preview. Only shown: what
// counts at request time is authsvc/decide.
#pragma once

#include "absl/status/status.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc::admin {

// kNotFound: a policy is not there.
[[nodiscard]] absl::Status MergePolicies(const Snapshot& snapshot, v1::Key* key);

}  // namespace sallyport::authsvc::admin
