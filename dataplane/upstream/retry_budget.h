// How many of a loop's requests for one API may be sent again: so many percent of those of the last
// 10 seconds, and 10 a second beside, so that retries never make an outage worse. One loop's
// thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::dataplane {

class RetryBudget {
 public:
  static constexpr int64_t kWindowSeconds = 10;
  static constexpr int64_t kFreePerSecond = 10;

  explicit RetryBudget(uint32_t percent) : percent_(percent) {}
  RetryBudget(const RetryBudget&) = delete;
  RetryBudget& operator=(const RetryBudget&) = delete;

  // `now_millis`: of the loop's clock.
  void Request(int64_t now_millis) {
    ++SlotAt(now_millis).requests;
    ++requests_;
  }
  // True: one retry, which is counted.
  [[nodiscard]] bool Take(int64_t now_millis);

 private:
  struct Slot {
    int64_t requests = 0;
    int64_t retries = 0;
  };
  Slot& SlotAt(int64_t now_millis) {
    if (now_millis >= next_millis_) Turn(now_millis / 1000);
    return *slot_;
  }
  void Turn(int64_t second);

  const uint32_t percent_;
  std::array<Slot, kWindowSeconds> slots_;
  int64_t second_ = 0;
  int64_t next_millis_ = 0;  // when the next second begins
  Slot* slot_ = slots_.data();
  int64_t requests_ = 0;  // of all slots
  int64_t retries_ = 0;
};

}  // namespace sallyport::dataplane
