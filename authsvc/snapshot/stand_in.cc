#include "authsvc/snapshot/stand_in.h"

#include <string>

#include "authsvc/snapshot/snapshot_index.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

const KeyEntry* FirstLogin(const Snapshot& snapshot, const ListKey& from) {
  const KeyEntry* found = nullptr;
  snapshot.index().logins.VisitFrom(from, [&](const KeyEntry& entry) {
    if (OrgOf(entry) == from.org) found = &entry;
    return false;
  });
  return found;
}

}  // namespace

// The next one behind the name's place, on a ring.
const KeyEntry* FindStandIn(const Snapshot& snapshot, absl::string_view org,
                            absl::string_view username) {
  const std::string place = crypto::Sha256(username);
  const KeyEntry* const behind = FirstLogin(snapshot, {org, place});
  return behind != nullptr ? behind : FirstLogin(snapshot, {org, ""});
}

}  // namespace sallyport::authsvc
