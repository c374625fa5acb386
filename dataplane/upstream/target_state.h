// What this process knows of one target of one API: whether it is left out because requests to it
// fail (ejected) or because its health check does (down), since when it is back, and how much of it
// is in use. Kept per API, since each has its own certificate and pins for a host: what one cannot
// reach says nothing about another.
//
// Thread-safe. The readers that every request calls take no lock. Times: milliseconds of the
// process's monotonic clock.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>

#include "dataplane/route/upstream_rules.h"
#include "dataplane/upstream/admission.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class TargetState {
 public:
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::min();

  [[nodiscard]] bool ejected(int64_t now) const {
    return now < ejected_until_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] bool down() const { return down_.load(std::memory_order_relaxed); }
  [[nodiscard]] bool usable(int64_t now) const { return !down() && !ejected(now); }
  // When it came back, for slow start; kNever: it was never away.
  [[nodiscard]] int64_t back_since() const { return back_since_.load(std::memory_order_relaxed); }

  // The last request to it went well.
  void Succeeded(int64_t now) {
    if (troubled_.load(std::memory_order_relaxed)) Calm(now);
  }
  // It did not; true: the target is ejected for it.
  [[nodiscard]] bool Failed(const EjectionRules& rules, int64_t now);
  // A health check's result; true: `down` has changed. `enabled` false ends what checks have said.
  [[nodiscard]] bool Probed(const HealthCheckRules& rules, bool good, int64_t now);
  void NoLongerProbed(int64_t now);

  [[nodiscard]] Admission& admission() { return admission_; }

 private:
  void Calm(int64_t now);
  void ComeBack(int64_t at) { back_since_.store(at, std::memory_order_relaxed); }

  std::atomic<int64_t> ejected_until_{kNever};
  std::atomic<int64_t> back_since_{kNever};
  std::atomic<bool> down_{false};
  std::atomic<bool> troubled_{false};  // a success has something to do

  base::Mutex mutex_;
  uint32_t failures_ ABSL_GUARDED_BY(mutex_) = 0;   // in a row
  uint32_t ejections_ ABSL_GUARDED_BY(mutex_) = 0;  // without a good time between
  bool on_probation_ ABSL_GUARDED_BY(mutex_) =
      false;  // back, and nothing went well yet: one failure is enough
  int64_t last_ejection_ ABSL_GUARDED_BY(mutex_) = 0;     // how long
  uint32_t probes_in_a_row_ ABSL_GUARDED_BY(mutex_) = 0;  // that contradict `down_`
  bool probed_ ABSL_GUARDED_BY(mutex_) = false;           // ever
  Admission admission_;
};
using TargetStatePtr = std::shared_ptr<TargetState>;

}  // namespace sallyport::dataplane
