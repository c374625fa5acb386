#include "dataplane/limit/gcra.h"

#include <algorithm>
#include <cmath>

namespace sallyport::dataplane {

GcraStep TakeRate(const RateRule& rule, int64_t state, int64_t now_ns) {
  const double per_ns = absl::ToDoubleNanoseconds(rule.per);
  // Room for `rate` requests at once, and for one where the rate is below one.
  const double interval = per_ns / rule.rate;
  const double burst = std::max(1.0, std::floor(rule.rate + 1e-9));
  const auto emission = static_cast<int64_t>(std::min(interval, 1e18));
  const auto tolerance = static_cast<int64_t>(std::min(interval * (burst - 1), 1e18));
  GcraStep step;
  const int64_t arrival = std::max(state, now_ns);
  if (arrival - now_ns > tolerance) {
    step.wait_ns = arrival - now_ns - tolerance;
    return step;
  }
  step.allowed = true;
  step.state = arrival + emission;
  return step;
}

}  // namespace sallyport::dataplane
