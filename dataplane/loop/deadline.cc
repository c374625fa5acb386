#include "dataplane/loop/deadline.h"

namespace sallyport::dataplane {

DeadlineWheel::DeadlineWheel() {
  for (Anchor& anchor : slots_) anchor.next_ = anchor.prev_ = &anchor;
}

DeadlineWheel::~DeadlineWheel() {
  for (Anchor& anchor : slots_) {
    while (anchor.next_ != &anchor) anchor.next_->Unlink();
    anchor.next_ = anchor.prev_ = nullptr;  // nothing for ~DeadlineNode to do
  }
}

void DeadlineWheel::Add(DeadlineNode* node, Deadline deadline) {
  node->Unlink();
  if (deadline.is_never()) return;
  int64_t tick = (deadline.millis() + kTickMillis - 1) / kTickMillis;
  if (tick <= last_tick_) tick = last_tick_ + 1;
  Anchor& anchor = slots_[static_cast<size_t>(tick) % kSlots];
  node->due_ = deadline.millis();
  node->count_ = &count_;
  node->prev_ = anchor.prev_;
  node->next_ = &anchor;
  anchor.prev_->next_ = node;
  anchor.prev_ = node;
  ++count_;
}

void DeadlineWheel::Advance(int64_t now_millis) {
  const int64_t now_tick = now_millis / kTickMillis;
  if (now_tick <= last_tick_) return;
  // A loop that slept for more than a turn visits every slot once.
  const int64_t first = now_tick - last_tick_ > static_cast<int64_t>(kSlots)
                            ? now_tick - static_cast<int64_t>(kSlots) + 1
                            : last_tick_ + 1;
  last_tick_ = now_tick;
  for (int64_t tick = first; tick <= now_tick; ++tick) {
    FireSlot(static_cast<size_t>(tick) % kSlots, now_millis);
  }
}

void DeadlineWheel::FireSlot(size_t slot, int64_t now_millis) {
  // A private list: what fires may add to or take from this very slot.
  Anchor due;
  due.next_ = due.prev_ = &due;
  Anchor& anchor = slots_[slot];
  for (DeadlineNode* node = anchor.next_; node != &anchor;) {
    DeadlineNode* const next = node->next_;
    if (node->due_ <= now_millis) {
      node->Unlink();
      node->prev_ = due.prev_;
      node->next_ = &due;
      due.prev_->next_ = node;
      due.prev_ = node;
      ++count_;
    }
    node = next;
  }
  while (due.next_ != &due) {
    DeadlineNode* const node = due.next_;
    node->Unlink();
    node->OnDeadline();
  }
  due.next_ = due.prev_ = nullptr;
}

}  // namespace sallyport::dataplane
