#include "shared/base/clock.h"

#include <time.h>

#include "absl/time/clock.h"

namespace sallyport::base {
namespace {

class MachineClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  absl::Duration Monotonic() const override {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return absl::DurationFromTimespec(now);
  }
};

}  // namespace

const Clock& SystemClock() {
  static const auto* const clock = new MachineClock;
  return *clock;
}

}  // namespace sallyport::base
