// Inside of the pool: the connections of one key, and the table of keys. Belongs to one loop's thread.
#pragma once

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/upstream/pool.h"

namespace sallyport::dataplane {

struct UpstreamSlot {
  std::string key;
  std::string host;
  Addresses addresses;                 // of the host, as of the last sweep; null: not known
  std::shared_ptr<UpstreamPoolState> pool;
  absl::StatusOr<std::shared_ptr<ClientTlsContext>> tls = nullptr;  // OK and null: plain http
  bool uses_trust = false;             // a changed trust store makes it void
  std::set<std::string> certificate_tags;
  bool more_tags = false;              // than are kept: any of them may be meant
  // The answers that led here. When nobody holds one of them any more (evicted, replaced, expired) the
  // connections have lost their ground.
  std::vector<std::weak_ptr<const UpstreamCredentials>> answers;
  std::deque<std::unique_ptr<UpstreamConnection>> idle;  // last used at the back
  size_t in_use = 0;
  absl::Duration last_used;
  bool dead = false;                   // out of the table: nothing comes back into it

  [[nodiscard]] std::unique_ptr<UpstreamConnection> TakeIdle();
  void GiveBack(std::unique_ptr<UpstreamConnection> connection);
  // The name no longer leads to where it is connected: it takes no further request.
  [[nodiscard]] bool IsElsewhere(const UpstreamConnection& connection) const;
  void Remember(const UpstreamCredentialsPtr& answer);
  [[nodiscard]] bool AnswersAreGone() const;
};
using UpstreamSlotPtr = std::shared_ptr<UpstreamSlot>;

struct UpstreamPoolState : std::enable_shared_from_this<UpstreamPoolState> {
  UpstreamPoolState(Loop& on, UpstreamPoolOptions with, Resolver& names, const SystemTrust& anchors,
                    const base::Clock& time)
      : loop(on), options(with), resolver(names), trust(anchors), clock(time),
        anchors_in_use(anchors.current()) {}

  // Null key: the credentials do not fit the target.
  [[nodiscard]] UpstreamSlotPtr Find(const UpstreamTargetPtr& target,
                                     const UpstreamCredentialsPtr& credentials);
  [[nodiscard]] bool TooOld(const UpstreamConnection& connection) const;
  void Kill(const UpstreamSlotPtr& slot);
  template <typename Predicate>
  void KillWhere(Predicate is_void);
  void FollowName(UpstreamSlot* slot);
  void SweepSlot(UpstreamSlot* slot, size_t* looks);
  void MakeRoom();
  void ForgetPairs();

  Loop& loop;
  const UpstreamPoolOptions options;
  Resolver& resolver;
  const SystemTrust& trust;
  const base::Clock& clock;
  TrustAnchorsPtr anchors_in_use;
  bool closed = false;
  UpstreamPool::Counts counts;

  absl::flat_hash_map<std::string, UpstreamSlotPtr> slots;
  // Shortcut by identity of the two objects: no digest is computed for a pair that was seen.
  struct Pair {
    std::weak_ptr<const UpstreamTarget> target;
    std::weak_ptr<const UpstreamCredentials> credentials;
    UpstreamSlotPtr slot;
  };
  absl::flat_hash_map<std::pair<const void*, const void*>, Pair> pairs;

 private:
  UpstreamSlotPtr Make(std::string key, const UpstreamTarget& target,
                       const UpstreamCredentials* credentials);
};

}  // namespace sallyport::dataplane
