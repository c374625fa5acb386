#include "authsvc/jwks/follow_issuers.h"

#include <string>

namespace sallyport::authsvc {

void PrefetchAll(const Snapshot& now, JwksFetcher* key_sets) {
  std::string token;
  do {
    const auto page = now.ListTokenIssuers(nullptr, token, 1000);
    std::vector<std::string> ids;
    for (const TokenIssuerEntry* const entry : page.entries) ids.push_back(entry->issuer.id());
    key_sets->Prefetch(now, ids);
    token = page.next;
  } while (!token.empty());
}

void FollowIssuers(const Snapshot& before, const Snapshot& now,
                   const std::vector<SnapshotChange>& changes, JwksFetcher* key_sets) {
  std::vector<std::string> ids;
  bool replaced = false;
  for (const SnapshotChange& change : changes) {
    if (change.kind != Kind::kTokenIssuer) continue;
    replaced = replaced || before.FindTokenIssuer(change.id) != nullptr;
    if (!change.deleted) ids.push_back(change.id);
  }
  if (replaced) key_sets->KeepThoseOf(now);
  if (!ids.empty()) key_sets->Prefetch(now, ids);
}

}  // namespace sallyport::authsvc
