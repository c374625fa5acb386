// What the Subscribe stream proves about everything that was cached (DESIGN 4 and 8): is it
// healthy, which revision has every loop applied, when was currency last proven. One per process;
// written by the subscriber, read by every loop without a lock. Times are base::Clock::Monotonic().
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::dataplane {

class StreamState {
 public:
  // Healthy: last heartbeat under 3 s old, its proof under 5 s old, replica caught up.
  [[nodiscard]] bool Healthy(absl::Duration now) const {
    return HealthyAt(absl::ToInt64Nanoseconds(now));
  }
  [[nodiscard]] bool HealthyAt(int64_t now_ns) const {
    return now_ns < healthy_until_.load(std::memory_order_acquire);
  }
  // Up to when what was not evicted is known to be current; zero: never proven.
  [[nodiscard]] absl::Duration LastProof() const {
    return absl::Nanoseconds(last_proof_.load(std::memory_order_acquire));
  }
  // The newest revision that this replica has applied; sent as min_revision.
  [[nodiscard]] uint64_t AppliedRevision() const {
    return applied_.load(std::memory_order_acquire);
  }
  // A first snapshot has been applied, and authsvc has not refused us since: the replica can serve.
  [[nodiscard]] bool Ready() const { return ready_.load(std::memory_order_acquire); }

  // Subscriber only, but for OnRefused.
  void OnHeartbeat(absl::Duration now, absl::Duration proof_age, bool caught_up);
  void OnBroken();
  void OnApplied(uint64_t revision, bool snapshot);
  // A new stream says something: authsvc accepts us (again); ready as before.
  void OnAccepted();
  // authsvc refused this replica, on the stream or as the answer to a question: not ready until a
  // new stream is accepted. Any thread.
  void OnRefused();
  [[nodiscard]] bool Refused() const { return refused_.load(std::memory_order_acquire); }

 private:
  std::atomic<int64_t> healthy_until_{0};
  std::atomic<int64_t> last_proof_{0};
  std::atomic<uint64_t> applied_{0};
  std::atomic<bool> have_snapshot_{false};
  std::atomic<bool> ready_{false};
  std::atomic<bool> refused_{false};
};

}  // namespace sallyport::dataplane
