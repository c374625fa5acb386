// The memory that all bodies take that are read for scripts, or were made by them: without a bound,
// slow clients could have any number of them kept. Thread-safe; a Share belongs to one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace sallyport::dataplane {

class BodyBudget {
 public:
  explicit BodyBudget(uint64_t most_bytes) : most_(most_bytes) {}
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  // What one request has of it; given back with it. The budget outlives it.
  class Share {
   public:
    Share() = default;
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { Return(); }
    // False: there is not so much left, and nothing was taken.
    [[nodiscard]] bool Take(BodyBudget& budget, uint64_t bytes) {
      if (budget.taken_.fetch_add(bytes, std::memory_order_relaxed) + bytes > budget.most_) {
        budget.taken_.fetch_sub(bytes, std::memory_order_relaxed);
        return false;
      }
      budget_ = &budget;
      bytes_ += bytes;
      return true;
    }
    void Return() {
      if (budget_ == nullptr) return;
      budget_->taken_.fetch_sub(std::exchange(bytes_, 0), std::memory_order_relaxed);
      budget_ = nullptr;
    }

   private:
    BodyBudget* budget_ = nullptr;
    uint64_t bytes_ = 0;
  };

  [[nodiscard]] uint64_t taken() const { return taken_.load(std::memory_order_relaxed); }

 private:
  const uint64_t most_;
  std::atomic<uint64_t> taken_{0};
};

}  // namespace sallyport::dataplane
