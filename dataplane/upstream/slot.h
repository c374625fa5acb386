// Inside of the pool: the connections of one key, who waits for one, and the table of keys. Belongs
// to one loop's thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/loop/signal.h"
#include "dataplane/upstream/forward_proxy.h"
#include "dataplane/upstream/http2_connection.h"
#include "dataplane/upstream/pool.h"

namespace sallyport::dataplane {

struct UpstreamSlot;

// A request in the line of its slot. Exactly one of these is what it gets at the end: a lease, the
// right to open a connection, a failure; nothing when its time was over first.
class SlotWaiter {
 public:
  // Takes its place in the line.
  explicit SlotWaiter(std::shared_ptr<UpstreamSlot> slot);
  ~SlotWaiter();
  SlotWaiter(const SlotWaiter&) = delete;
  SlotWaiter& operator=(const SlotWaiter&) = delete;
  [[nodiscard]] boost::asio::awaitable<void> Wait(Deadline deadline);

  UpstreamLease lease;
  std::optional<UpstreamFailure> failure;
  bool may_dial = false;
  bool look_again = false;

 private:
  friend struct UpstreamSlot;  // calls it
  void LeaveLine();
  const std::shared_ptr<UpstreamSlot> slot_;
  bool in_line_ = true;
  Signal called_;
};

struct UpstreamSlot : std::enable_shared_from_this<UpstreamSlot> {
  std::string key;
  std::string host;     // that is connected to: the target's or the proxy's
  ProxyHopPtr proxy;    // null: straight to the target
  Addresses addresses;  // of the host, as of the last sweep; null: not known
  std::shared_ptr<UpstreamPoolState> pool;
  absl::StatusOr<std::shared_ptr<ClientTlsContext>> tls = nullptr;  // OK and null: plain http
  bool uses_trust = false;  // a changed trust store makes it void
  std::set<std::string> certificate_tags;
  bool more_tags = false;  // than are kept: any of them may be meant
  // The answers that led here. When nobody holds one of them any more (evicted, replaced, expired)
  // the connections have lost their ground.
  std::vector<std::weak_ptr<const UpstreamCredentials>> answers;
  std::deque<std::unique_ptr<UpstreamConnection>> idle;  // last used at the back
  UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
  bool chose_http1 = false;                           // kAuto: at the last handshake
  std::vector<std::shared_ptr<UpstreamHttp2>> http2;  // open, and such as end
  size_t dialling = 0;  // of http2-ish slots: connections that are being opened
  size_t in_use = 0;    // requests that have a connection, or open one
  std::deque<SlotWaiter*> line;
  absl::Duration last_used;
  bool dead = false;  // out of the table: nothing comes back into it

  // An idle connection, or room on one of HTTP/2; empty: neither.
  [[nodiscard]] UpstreamLease TryTake() {
    UpstreamLease lease = TakeIdle();
    if (!lease && !http2.empty()) lease = TakeRoom();
    return lease;
  }
  [[nodiscard]] UpstreamLease TakeRoom();
  // Null: a place has become free.
  void GiveBack(std::unique_ptr<UpstreamConnection> connection);
  void GiveBack(UpstreamHttp2& connection);

  // Whether one more connection may be opened, and the place for it, which EndDial gives back
  // unless it is used.
  [[nodiscard]] bool MayDial() const;
  void BeginDial();
  // The connection that came of it, for whoever opened it.
  [[nodiscard]] UpstreamLease EndDial(std::unique_ptr<UpstreamConnection> connection);
  void EndDial(const UpstreamFailure& failure);

  void ServeLine();
  void Retire(absl::string_view why);  // all that is there, and all that waits
  void SweepHttp2();
  [[nodiscard]] bool SpeaksHttp2() const {
    return protocol == UpstreamProtocol::kHttp2 ||
           (protocol == UpstreamProtocol::kAuto && !chose_http1);
  }
  [[nodiscard]] bool unused() const {
    return idle.empty() && http2.empty() && in_use == 0 && line.empty();
  }
  // The name no longer leads to where it is connected: it takes no further request.
  [[nodiscard]] bool IsElsewhere(const UpstreamConnection& connection) const;
  void Remember(const UpstreamCredentialsPtr& answer);
  [[nodiscard]] bool AnswersAreGone() const;

 private:
  [[nodiscard]] UpstreamLease TakeIdle();
  [[nodiscard]] bool MayKeep(const UpstreamConnection& connection) const;
  [[nodiscard]] UpstreamLease Share(std::unique_ptr<UpstreamConnection> connection);
  void CountOut();
  void ForgetOver(UpstreamHttp2& connection);
  void CallAll();
  [[nodiscard]] SlotWaiter* Call();
};
using UpstreamSlotPtr = std::shared_ptr<UpstreamSlot>;

struct UpstreamPoolState : std::enable_shared_from_this<UpstreamPoolState> {
  UpstreamPoolState(Loop& on, UpstreamPoolOptions with, Resolver& names, const SystemTrust& anchors,
                    const base::Clock& time)
      : loop(on),
        options(std::move(with)),
        resolver(names),
        trust(anchors),
        clock(time),
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
