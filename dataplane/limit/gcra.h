// The generic cell rate algorithm: `rate` requests at once, refilled evenly over `per`. One number
// of state: the theoretical arrival time of the next request. Pure.
#pragma once

#include <cstdint>

#include "dataplane/route/route.h"

namespace sallyport::dataplane {

struct GcraStep {
  bool allowed = false;
  int64_t state = 0;    // to keep when allowed
  int64_t wait_ns = 0;  // until the next one would be, when not
};

[[nodiscard]] inline bool HasRate(const RateRule& rule) {
  return rule.rate > 0 && rule.per > absl::ZeroDuration();
}

// `state`: as kept, 0 for none. Monotonic nanoseconds.
[[nodiscard]] GcraStep TakeRate(const RateRule& rule, int64_t state, int64_t now_ns);

}  // namespace sallyport::dataplane
