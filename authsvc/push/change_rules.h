// What a write means to data planes (DESIGN 4). Pure: (snapshot before, snapshot after, changed
// ids).
//
// Tags of cached answers: "api:ID", "key:ID", "policy:ID", "cert:ID", "leaf:HEX" (fingerprint of a
// presented leaf, also of refusals), "token:HEX" (hash of a presented credential, likewise),
// "settings", "trust:ID" (a trust bundle), "listener:ID".
//   re-decide: the answer is void, connections live.
//   sever: the connections of these leaves and keys close as well: a certificate was deleted, taken
//   from an allowlist or revoked; a key was deleted, made inactive, has expired or lost that
//   certificate.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "authsvc/change/writer.h"
#include "authsvc/push/change_record.h"

namespace sallyport::authsvc {

[[nodiscard]] ChangeRecord RecordOf(const Snapshot& before, const Snapshot& after,
                                    const std::vector<SnapshotChange>& changes, absl::Time now);

}  // namespace sallyport::authsvc
