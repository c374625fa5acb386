// A clock that stands still until a test moves it. Thread-safe.
#pragma once

#include <atomic>

#include "absl/time/time.h"
#include "shared/base/clock.h"

namespace sallyport::base {

class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : start_(start) {}
  [[nodiscard]] absl::Time Now() const override {
    return start_ + absl::Nanoseconds(passed_.load(std::memory_order_acquire) +
                                      jumped_.load(std::memory_order_acquire));
  }
  [[nodiscard]] absl::Duration Monotonic() const override {
    return absl::Seconds(1'000) + absl::Nanoseconds(passed_.load(std::memory_order_acquire));
  }
  // Time passes on both clocks.
  void Advance(absl::Duration by) { passed_.fetch_add(absl::ToInt64Nanoseconds(by)); }
  // The wall clock is set, as NTP does it.
  void JumpWall(absl::Duration by) { jumped_.fetch_add(absl::ToInt64Nanoseconds(by)); }

 private:
  const absl::Time start_;
  std::atomic<int64_t> passed_{0};
  std::atomic<int64_t> jumped_{0};
};

}  // namespace sallyport::base
