// Keys of stateless session tickets, in memory only. Those of the replica's group come from authsvc
// (SetShared) and make tickets that every replica of the group opens; without them this replica
// makes its own, rotated hourly, two older ones still accepted. Whoever holds a key can forge any
// client, so they are never written, logged or sent, and shared ones count only while the stream
// proves that authsvc still shares them: one that this replica cannot hear of may have been
// replaced because somebody who has it is denied. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

struct SharedTicketKeys;

struct TicketKey {
  ~TicketKey();  // cleanses
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> aes;
  std::array<unsigned char, 32> hmac;
  absl::Duration made;  // monotonic
  absl::Duration ends;  // monotonic: from then on it opens nothing
};
using TicketKeyPtr = std::shared_ptr<const TicketKey>;

class TicketKeys {
 public:
  static constexpr absl::Duration kRotation = absl::Hours(1);  // of our own
  static constexpr int kOlder = 2;
  // Shared keys are used that long without a proof from authsvc.
  static constexpr absl::Duration kUnproven = absl::Minutes(5);

  // `last_proof` (StreamState::LastProof) is called from any thread; none: shared keys need none.
  explicit TicketKeys(const base::Clock& clock,
                      std::function<absl::Duration()> last_proof = nullptr);
  // Comes by the stream that is there now. In place of the shared keys of before; those that are
  // not well-formed, and an empty set: none.
  void SetShared(const SharedTicketKeys& keys);
  // The stream that brought them is over: no proof counts until another one has brought some. What
  // is not proven in time is forgotten, and does not come back.
  void StreamEnded();
  // The key to make tickets with: a shared one where there is one, else our own, which rotates when
  // it is due. Null when no random bytes could be had.
  [[nodiscard]] TicketKeyPtr Current();
  // Null: unknown or too old.
  [[nodiscard]] TicketKeyPtr Find(absl::string_view name);
  // Forgets all of them: makes every ticket of before worthless.
  void DropAll();

  struct Facts {
    int shared = 0, own = 0;     // that open tickets now
    bool making_shared = false;  // Current() is a shared one
    absl::Duration age;          // of what Current() last gave or would give
    bool any = false;            // there is such a one
  };
  [[nodiscard]] Facts Report();

 private:
  [[nodiscard]] absl::Duration Proven() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Erases what opens nothing any more.
  void Prune(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RotateOwnIfDue(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const base::Clock& clock_;
  const std::function<absl::Duration()> last_proof_;
  base::Mutex mutex_;
  std::vector<TicketKeyPtr> shared_ ABSL_GUARDED_BY(mutex_);  // newest first
  absl::Duration proven_ ABSL_GUARDED_BY(mutex_);             // when they came, or last were proven
  bool proofs_count_ ABSL_GUARDED_BY(mutex_) = false;  // the stream that brought them is there
  std::array<TicketKeyPtr, kOlder + 1> own_ ABSL_GUARDED_BY(mutex_);  // newest first
};

}  // namespace sallyport::dataplane
