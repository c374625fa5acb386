#include "dataplane/upstream/retry_budget.h"

#include <algorithm>

namespace sallyport::dataplane {

void RetryBudget::Turn(int64_t second) {
  const int64_t passed = std::min(second - second_, kWindowSeconds);
  for (int64_t i = 0; i < passed; ++i) {
    Slot& slot = slots_[static_cast<size_t>((second - i) % kWindowSeconds)];
    requests_ -= slot.requests;
    retries_ -= slot.retries;
    slot = Slot();
  }
  second_ = second;
  next_millis_ = (second + 1) * 1000;
  slot_ = &slots_[static_cast<size_t>(second % kWindowSeconds)];
}

bool RetryBudget::Take(int64_t now_millis) {
  Slot& slot = SlotAt(now_millis);
  if (slot.retries >= kFreePerSecond && retries_ * 100 >= requests_ * percent_) return false;
  ++slot.retries;
  ++retries_;
  return true;
}

}  // namespace sallyport::dataplane
