// The suspended coroutines of one loop: each is held from the moment it waits until it is resumed
// once, or dropped with the loop. Nothing is allocated for a wait that was there before. One loop's
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace sallyport::dataplane {

class Waiters;
enum class WaitResult : uint8_t { kReady, kTimeout, kCancelled };

// One of them. Belongs to its Waiters, as does the pointer that Hold was given: it is null again
// once this is finished, resumed or dropped.
class Waiter {
 public:
  Waiter() { next_ = prev_ = this; }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

 private:
  friend class Waiters;
  static constexpr size_t kHandlerBytes = 32;

  void Unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = this;
  }
  void MoveBefore(Waiter* place) {
    Unlink();
    prev_ = place->prev_;
    next_ = place;
    place->prev_->next_ = this;
    place->prev_ = this;
  }
  void LeaveOwner() {
    if (owner_ != nullptr) *owner_ = nullptr;
    owner_ = nullptr;
  }
  [[nodiscard]] bool alone() const { return next_ == this; }

  Waiter* next_;
  Waiter* prev_;
  Waiter** owner_ = nullptr;
  // Moves the handler out and gives this object back; then calls it, or destroys it where `result`
  // is null.
  void (*leave_)(Waiters*, Waiter*, const WaitResult* result) = nullptr;
  WaitResult result_ = WaitResult::kReady;
  alignas(std::max_align_t) std::byte handler_[kHandlerBytes];
};

class Waiters {
 public:
  Waiters() = default;
  ~Waiters() { DropAll(); }
  Waiters(const Waiters&) = delete;
  Waiters& operator=(const Waiters&) = delete;

  // `handler` is called with a WaitResult, once. `*owner`, null before, shows the waiter; it stays
  // where it is until then.
  template <typename Handler>
  void Hold(Handler handler, Waiter** owner) {
    static_assert(sizeof(Handler) <= Waiter::kHandlerBytes);
    Waiter* const waiter = Free();
    new (waiter->handler_) Handler(std::move(handler));
    waiter->leave_ = &Leave<Handler>;
    waiter->MoveBefore(&waiting_);
    waiter->owner_ = owner;
    *owner = waiter;
  }
  // It goes on in the next turn of the loop: for whoever must not be overtaken by what it does.
  void Finish(Waiter* waiter, WaitResult result) {
    waiter->LeaveOwner();
    waiter->result_ = result;
    waiter->MoveBefore(&finished_);
  }
  // It goes on behind all that are queued already (ResumeQueued). `now_millis` for queued_since.
  void Queue(Waiter* waiter, int64_t now_millis) {
    waiter->LeaveOwner();
    waiter->MoveBefore(&queued_);
    queued_at_.push_back(now_millis);
  }
  // It goes on at once, inside of this call.
  void Resume(Waiter* waiter, WaitResult result) { waiter->leave_(this, waiter, &result); }

  [[nodiscard]] bool AnyFinished() const { return !finished_.alone(); }
  // Resumes those that were finished before the call.
  void ResumeFinished();
  [[nodiscard]] bool AnyQueued() const { return !queued_.alone(); }
  // When the first of them was queued; there is one.
  [[nodiscard]] int64_t queued_since() const { return queued_at_.front(); }
  // Resumes that one.
  void ResumeQueued() {
    queued_at_.pop_front();
    Resume(queued_.next_, WaitResult::kReady);
  }
  // Destroys every coroutine that is held.
  void DropAll();

 private:
  template <typename Handler>
  static void Leave(Waiters* waiters, Waiter* waiter, const WaitResult* result) {
    auto* const held = std::launder(reinterpret_cast<Handler*>(waiter->handler_));
    Handler handler(std::move(*held));
    held->~Handler();
    waiter->LeaveOwner();
    waiter->MoveBefore(&waiters->free_);
    if (result != nullptr) handler(WaitResult(*result));
  }
  [[nodiscard]] Waiter* Free() {
    if (!free_.alone()) return free_.prev_;
    all_.push_back(std::make_unique<Waiter>());
    return all_.back().get();
  }

  std::vector<std::unique_ptr<Waiter>> all_;
  Waiter free_;  // heads of lists
  Waiter waiting_;
  Waiter finished_;
  Waiter queued_;
  std::deque<int64_t> queued_at_;
};

}  // namespace sallyport::dataplane
