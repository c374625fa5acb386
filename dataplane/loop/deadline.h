// Points of a loop's monotonic clock, and the wheel that fires them: one coarse timer per loop
// instead of a timer per request. Adding and removing are a few pointer writes; firing is late by
// at most one tick (50 ms), never early. Everything here belongs to one loop's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace sallyport::dataplane {

// Milliseconds of the loop's monotonic clock (Loop::Now). Copyable value.
class Deadline {
 public:
  constexpr Deadline() = default;  // never
  static constexpr Deadline Never() { return Deadline(); }
  static constexpr Deadline AtMillis(int64_t millis) {
    Deadline deadline;
    deadline.millis_ = millis;
    return deadline;
  }
  [[nodiscard]] constexpr int64_t millis() const { return millis_; }
  [[nodiscard]] constexpr bool is_never() const {
    return millis_ == std::numeric_limits<int64_t>::max();
  }
  [[nodiscard]] constexpr Deadline Earlier(Deadline other) const {
    return other.millis_ < millis_ ? other : *this;
  }

 private:
  int64_t millis_ = std::numeric_limits<int64_t>::max();
};

// One thing that may expire. The owner keeps it alive while it is in a wheel; destruction takes it
// out.
class DeadlineNode {
 public:
  DeadlineNode() = default;
  virtual ~DeadlineNode() { Unlink(); }
  DeadlineNode(const DeadlineNode&) = delete;
  DeadlineNode& operator=(const DeadlineNode&) = delete;
  [[nodiscard]] bool linked() const { return next_ != nullptr; }
  [[nodiscard]] int64_t due() const { return due_; }  // milliseconds; while linked

 protected:
  // Called once, after the node was taken out; may add it again or destroy other nodes.
  virtual void OnDeadline() = 0;

 private:
  friend class DeadlineWheel;
  void Unlink() {
    if (next_ == nullptr) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
    --*count_;
  }
  DeadlineNode* next_ = nullptr;
  DeadlineNode* prev_ = nullptr;
  size_t* count_ = nullptr;
  int64_t due_ = 0;
};

class DeadlineWheel {
 public:
  static constexpr int64_t kTickMillis = 50;

  DeadlineWheel();
  ~DeadlineWheel();
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;

  // Adds or moves. A deadline of "never" only takes the node out.
  void Add(DeadlineNode* node, Deadline deadline);
  static void Remove(DeadlineNode* node) { node->Unlink(); }
  // Fires what is due at `now_millis`. Called by the loop once a tick.
  void Advance(int64_t now_millis);
  [[nodiscard]] size_t size() const { return count_; }

 private:
  static constexpr size_t kSlots = 512;  // a later deadline stays in its slot for another turn
  class Anchor final : public DeadlineNode {
    void OnDeadline() override {}
  };
  void FireSlot(size_t slot, int64_t now_millis);

  std::array<Anchor, kSlots> slots_;
  size_t count_ = 0;
  int64_t last_tick_ = 0;
};

}  // namespace sallyport::dataplane
