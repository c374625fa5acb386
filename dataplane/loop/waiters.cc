#include "dataplane/loop/waiters.h"

namespace sallyport::dataplane {

void Waiters::ResumeFinished() {
  // A mark behind the last one: what these finish waits for the next turn.
  Waiter mark;
  mark.MoveBefore(&finished_);
  while (finished_.next_ != &mark) {
    Waiter* const waiter = finished_.next_;
    Resume(waiter, waiter->result_);
  }
  mark.Unlink();
}

void Waiters::DropAll() {
  // The end of a coroutine may finish others.
  for (Waiter* const list : {&waiting_, &finished_, &queued_}) {
    while (!list->alone()) list->next_->leave_(this, list->next_, nullptr);
  }
  queued_at_.clear();
}

}  // namespace sallyport::dataplane
