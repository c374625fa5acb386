// Watches the service itself: is the snapshot proven current, does the store take writes, what expires,
// what is insecure. Feeds gRPC health, /healthz, /readyz, /metrics and Status. Thread-safe; Tick() is
// called by one timer thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class Snapshot;

// What the watchdog may ask and tell. All are called on its thread unless said otherwise.
struct WatchdogSources {
  const base::Clock* clock = nullptr;
  std::function<std::shared_ptr<const Snapshot>()> snapshot;
  // Proves that the snapshot is current (reads the store's head revision): OK when it is.
  std::function<absl::Status()> prove_current;
  // OK while the store takes writes.
  std::function<absl::Status()> probe_write;
};

struct HealthState {
  bool deciding = false;      // Authorization, Distribution, Telemetry serve
  bool administering = false;  // Admin serves
  std::string detail;
};

class Watchdog {
 public:
  explicit Watchdog(WatchdogSources sources);
  // Once a second.
  void Tick();
  [[nodiscard]] HealthState health() const;
  // Since the snapshot was last proven current. Any thread, no lock.
  [[nodiscard]] int64_t proof_age_ms() const;
  // Called by the writer after each commit: that is a proof as well.
  void Proven();
  void SetHealthListener(std::function<void(const HealthState&)> listener);

 private:
  const WatchdogSources sources_;
  std::atomic<int64_t> proven_ms_;
  mutable base::Mutex mutex_;
  HealthState state_ ABSL_GUARDED_BY(mutex_);
  std::function<void(const HealthState&)> listener_ ABSL_GUARDED_BY(mutex_);
};

// Sentences about what is insecure in the snapshot, what is pending and what expires within `horizon`:
// for Status, `doctor` and metrics. Pure.
[[nodiscard]] std::vector<std::string> InsecureSettings(const Snapshot& snapshot);
[[nodiscard]] std::vector<std::string> PendingReferences(const Snapshot& snapshot);
[[nodiscard]] std::vector<std::string> ExpiringCertificates(const Snapshot& snapshot, absl::Time now,
                                                            absl::Duration horizon);

}  // namespace sallyport::authsvc
