#include "dataplane/upstream/target_state.h"

#include <algorithm>

namespace sallyport::dataplane {
namespace {

// base, twice that, four times, ... up to max.
int64_t EjectionMillis(const EjectionRules& rules, uint32_t ejections) {
  const int64_t base = std::max<int64_t>(absl::ToInt64Milliseconds(rules.base), 1);
  const int64_t most = std::max(absl::ToInt64Milliseconds(rules.max), base);
  const uint32_t doublings = std::min(ejections, 40u);
  return doublings >= 40 || base > (most >> doublings) ? most : base << doublings;
}

}  // namespace

bool TargetState::Failed(const EjectionRules& rules, int64_t now) {
  if (!rules.enabled) return false;
  const base::MutexLock lock(&mutex_);
  if (ejected(now)) return false;  // requests from before
  troubled_.store(true, std::memory_order_relaxed);
  ++failures_;
  if (!on_probation_ && failures_ < rules.failures) return false;
  last_ejection_ = EjectionMillis(rules, ejections_++);
  failures_ = 0;
  on_probation_ = true;
  ejected_until_.store(now + last_ejection_, std::memory_order_relaxed);
  ComeBack(now + last_ejection_);
  return true;
}

void TargetState::Calm(int64_t now) {
  const base::MutexLock lock(&mutex_);
  if (ejected(now)) return;  // from before, or all are in use
  failures_ = 0;
  on_probation_ = false;
  const bool good_for_long =
      ejections_ == 0 || now - ejected_until_.load(std::memory_order_relaxed) >= last_ejection_;
  if (!good_for_long) return;
  ejections_ = 0;
  troubled_.store(false, std::memory_order_relaxed);
}

bool TargetState::Probed(const HealthCheckRules& rules, bool good, int64_t now) {
  const base::MutexLock lock(&mutex_);
  const bool first = !probed_;
  probed_ = true;
  if (good != down()) {  // as it is
    probes_in_a_row_ = 0;
    return false;
  }
  // A process that has just started believes the first bad answer: the target may have been down
  // for long.
  const uint32_t enough = good ? rules.healthy_after : rules.unhealthy_after;
  if (++probes_in_a_row_ < enough && !(first && !good)) return false;
  probes_in_a_row_ = 0;
  down_.store(!good, std::memory_order_relaxed);
  if (good) ComeBack(now);
  return true;
}

void TargetState::NoLongerProbed(int64_t now) {
  const base::MutexLock lock(&mutex_);
  probes_in_a_row_ = 0;
  probed_ = false;
  if (!down()) return;
  down_.store(false, std::memory_order_relaxed);
  ComeBack(now);
}

}  // namespace sallyport::dataplane
