// Makes, keeps and rotates the session-ticket keys of each group of data planes that is connected,
// and hands them to the streams of that group alone. They live sealed in the store, and every
// change is a swap on the condition of the record's version: several authsvcs over one store come
// to the same keys. When a data plane is denied, all keys of its group are replaced, and the record
// says for whom, so that no authsvc gives him the new ones, whatever its own list says.
//
// Look() does the work and blocks on the store: one thread at a time, never gRPC's. All else is
// thread-safe and does not block. Secrets are never logged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/tickets/ticket_ring.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::crypto {
class Sealer;
}
namespace sallyport::v1 {
class Update;
}

namespace sallyport::authsvc {

class Store;
struct StoredRing;

class TicketKeeper {
 public:
  struct Options {
    const base::Clock* clock = nullptr;  // these outlive it
    Store* store = nullptr;
    const crypto::Sealer* sealer = nullptr;
    absl::Duration rotate_every = absl::Hours(1);
    // May this deny entry name a data plane of that group?
    std::function<bool(absl::string_view entry, absl::string_view group)> concerns;
    // Look is wanted soon: from any thread, must not block or call back.
    std::function<void()> needs_look;
    // A key was made, because: "first", "age", "denied", "unreadable". On the thread of Look.
    std::function<void(absl::string_view cause)> made;
  };
  explicit TicketKeeper(Options options) : options_(std::move(options)) {}

  // One per live Subscribe stream of a data plane that takes keys. `names`: all that a deny entry
  // could call its certificate by. `wake` says that Take has something: from any thread, without a
  // lock held.
  [[nodiscard]] uint64_t Join(std::string group, const std::vector<std::string>& names,
                              std::function<void()> wake);
  void Leave(uint64_t stream);
  // The group's keys, when they are not those that this stream took last; else null. The message
  // cleanses itself when its last owner lets go.
  [[nodiscard]] std::shared_ptr<const v1::Update> Take(uint64_t stream);

  // All deny entries in force here ("spiffe://…", "spki-sha256:HEX").
  void SetDenied(std::vector<std::string> entries);
  // Brings the keys of every connected group up to date; once a second, and when needs_look says.
  void Look();
  // Of the newest key of each connected group that has one.
  [[nodiscard]] std::vector<std::pair<std::string, absl::Duration>> Ages() const;

 private:
  using RingPtr = std::shared_ptr<const TicketRing>;
  struct Group {
    RingPtr ring;          // null: nothing was read yet, or nothing may be used
    uint64_t version = 0;  // of the record that it is
    uint64_t serial = 0;   // grows with every change of `ring`; 0: nothing to say yet
    int streams = 0;
  };
  struct Stream {
    std::string group;
    std::set<std::string> marks;  // of its names
    std::function<void()> wake;
    uint64_t taken = 0;  // serial
  };
  struct Denials {
    std::set<std::string> marks;  // that concern the group
    uint64_t list = 0;            // which list they are from
  };

  struct Change {
    TicketRing ring;
    absl::string_view cause;  // of a new key; empty: there is none
    bool write = false;
  };
  struct Settled {
    RingPtr ring;
    uint64_t version = 0;
  };

  void LookAt(const std::string& group);
  // ABORTED: another authsvc was first. NOT_FOUND, DATA_LOSS: the keys cannot be opened here.
  [[nodiscard]] absl::StatusOr<Settled> Settle(const std::string& group, const Denials& denials);
  [[nodiscard]] Change ChangeOf(const StoredRing& stored, const Denials& before,
                                const Denials& denials, absl::Time now) const;
  [[nodiscard]] bool PublishedCovers(const std::string& group, const Denials& denials) const;
  [[nodiscard]] Denials DenialsOf(const std::string& group) const;
  // Null: none are to be used, until there are some again.
  void Publish(const std::string& group, RingPtr ring, uint64_t version);
  void Complain(const std::string& group, const absl::Status& status);

  const Options options_;
  mutable base::Mutex mutex_;
  std::map<std::string, Group> groups_ ABSL_GUARDED_BY(mutex_);  // with a stream
  std::map<uint64_t, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;
  std::vector<std::string> entries_ ABSL_GUARDED_BY(mutex_);
  uint64_t list_ ABSL_GUARDED_BY(mutex_) = 1;
  // Of the thread that looks. By group: what this process had on its list when it last brought the
  // keys up to date. Marks of others are theirs to remove.
  std::map<std::string, Denials> seen_;
  std::map<std::string, std::string> complaints_;  // logged already
};

}  // namespace sallyport::authsvc
