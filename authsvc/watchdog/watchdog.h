// Watches the service itself: is the snapshot proven current, does the store take writes. Feeds
// gRPC health, /readyz and the log. Thread-safe; Tick() is called once a second by one thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

struct StoreHealth {
  bool loaded = false;  // a snapshot is there
  bool writable = true;
  std::string error;         // of the last failure, for the log
  absl::Duration proof_age;  // since the snapshot was last proven to be the store's newest
};

struct HealthState {
  bool deciding = false;       // Authorization, Distribution and Telemetry serve
  bool administering = false;  // Admin serves: the store takes writes
  std::string problem;         // why not, for /readyz and the log
  bool operator==(const HealthState&) const = default;
};

class Watchdog {
 public:
  // Past this the snapshot is too old to decide by at all. Data planes judge freshness themselves,
  // much earlier, by the age in each heartbeat, so that a store outage does not become a decision
  // outage.
  static constexpr absl::Duration kMaxProofAge = absl::Hours(24);

  explicit Watchdog(std::function<StoreHealth()> store) : store_(std::move(store)) {}

  void Tick();
  [[nodiscard]] HealthState health() const;
  // Called on the thread of Tick when the state changed, and at the first Tick.
  void OnChange(std::function<void(const HealthState&)> listener);

 private:
  const std::function<StoreHealth()> store_;
  mutable base::Mutex mutex_;
  HealthState state_ ABSL_GUARDED_BY(mutex_);
  bool announced_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void(const HealthState&)> listener_ ABSL_GUARDED_BY(mutex_);
};

[[nodiscard]] HealthState Judge(const StoreHealth& store);

}  // namespace sallyport::authsvc
