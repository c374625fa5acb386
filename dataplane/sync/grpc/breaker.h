// Stops asking an authsvc that did not answer several times in a row; probes find out when it is
// back. Thread-safe, no lock.
#pragma once

#include <atomic>

namespace sallyport::dataplane {

class Breaker {
 public:
  explicit Breaker(int failures_to_open) : failures_to_open_(failures_to_open) {}
  [[nodiscard]] bool Open() const {
    return failures_.load(std::memory_order_acquire) >= failures_to_open_;
  }
  void Failed() { failures_.fetch_add(1, std::memory_order_acq_rel); }
  // Any answer, also a refusal: somebody is there.
  void Answered() {
    if (failures_.load(std::memory_order_relaxed) != 0)
      failures_.store(0, std::memory_order_release);
  }

 private:
  const int failures_to_open_;
  std::atomic<int> failures_{0};
};

}  // namespace sallyport::dataplane
