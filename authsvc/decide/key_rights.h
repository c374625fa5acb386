// What a key may do on one API once its policies are applied (reference tyk.md; DESIGN 6). As
// Tyk's, but fail-closed: a policy that is missing, of another org or combined in a way that has no
// meaning leaves the key without use, and never with less restriction.
//
// A policy without partitions sets rights, rate and quota; with partitions only those parts; what
// no policy sets is the key's own. Several policies: rights are joined, the highest rate and quota
// count (0 says nothing, a negative one is unlimited).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "authsvc/decide/refusal.h"
#include "authsvc/snapshot/entries.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

class Snapshot;

// One counter's limits; zeros are no limit.
struct KeyLimit {
  std::string bucket;
  double rate = 0;
  double per_seconds = 0;
  int64_t quota_max = 0;
  int64_t quota_renewal_seconds = 0;
};

struct KeyRights {
  std::optional<Refusal> refusal;                      // not set: the key may call the API
  absl::InlinedVector<const v1::Policy*, 4> policies;  // in the order of the key
  std::vector<std::string> missing_policies;
  absl::InlinedVector<const v1::AccessRight*, 4> rights;  // that name the API; none: all of it
  KeyLimit limit;
  int64_t quota_reset_unix = 0;
  int64_t expires_unix = 0;  // 0: never

  [[nodiscard]] bool GrantsVersion(absl::string_view version) const;
};

// `out` is new.
void ApplyPolicies(const Snapshot& snapshot, const v1::Key& key, const v1::Api& api, absl::Time now,
                   KeyRights* out);

// Versions (where the API has them) and URLs to `grants`. An unrestricted right beside a restricted
// one does not widen it, as in Tyk's merge.
void GrantRights(const KeyRights& rights, const v1::Api& api, v1::Grants* grants);
// Rate and quota, without what the API switches off.
void GrantLimits(const KeyRights& rights, const v1::Api& api, v1::Grants* grants);

}  // namespace sallyport::authsvc
