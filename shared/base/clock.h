// Time. The only place that reads a clock; everything else is handed a Clock.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace sallyport::base {

// Thread-safe. Implementations must be callable from any thread without blocking.
class Clock {
 public:
  virtual ~Clock() = default;
  // Wall time: certificate dates, expiries, logs.
  [[nodiscard]] virtual absl::Time Now() const = 0;
  // Never goes back and has no relation to the wall: ages, deadlines, limits. Since an arbitrary
  // start.
  [[nodiscard]] virtual absl::Duration Monotonic() const = 0;
  // The same in nanoseconds, for paths where the conversion counts.
  [[nodiscard]] virtual int64_t MonotonicNanoseconds() const {
    return absl::ToInt64Nanoseconds(Monotonic());
  }
};

// The machine's clocks. Lives for the whole process.
[[nodiscard]] const Clock& SystemClock();

}  // namespace sallyport::base
