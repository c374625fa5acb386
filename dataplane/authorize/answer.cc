#include "dataplane/authorize/answer.h"

namespace sallyport::dataplane {
namespace {

// Also keeps sums far from overflowing.
constexpr absl::Duration kLongest = absl::Hours(24 * 30);

}  // namespace

AnswerTimes TimesFor(const AnswerBounds& bounds, absl::Time wall, int64_t now, double jitter) {
  const auto clamp = [](absl::Duration duration) {
    return std::clamp(duration, absl::ZeroDuration(), kLongest);
  };
  const absl::Duration hard = clamp(bounds.hard_expiry - wall);
  const absl::Duration fresh = std::min(clamp(bounds.ttl), hard);
  AnswerTimes times;
  times.answered = now;
  times.fresh_until = now + Nanoseconds(fresh);
  times.refresh_at = now + Nanoseconds(fresh * (0.8 + 0.15 * jitter));
  times.hard_until = now + Nanoseconds(hard);
  times.stale_for = Nanoseconds(clamp(bounds.stale_for));
  return times;
}

}  // namespace sallyport::dataplane
