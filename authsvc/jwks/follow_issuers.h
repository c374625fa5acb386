// Which key sets are fetched ahead as token issuers come and change, so that the first token of an
// issuer finds its keys. Whoever's cannot be had is asked again with a token. Does not block.
#pragma once

#include <vector>

#include "authsvc/jwks/jwks_fetcher.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_builder.h"

namespace sallyport::authsvc {

// Those of every issuer.
void PrefetchAll(const Snapshot& now, JwksFetcher* key_sets);
// Those of the issuers that `changes` between these two name; sets that none has are forgotten.
void FollowIssuers(const Snapshot& before, const Snapshot& now,
                   const std::vector<SnapshotChange>& changes, JwksFetcher* key_sets);

}  // namespace sallyport::authsvc
