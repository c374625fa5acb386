#include "dataplane/upstream/admission.h"

#include <algorithm>
#include <utility>

#include "dataplane/upstream/event.h"

namespace sallyport::dataplane {
namespace {

bool Reached(uint32_t limit, size_t count) { return limit != 0 && count >= limit; }

}  // namespace

struct Admission::Waiter {
  explicit Waiter(Loop& on) : loop(on), called(on) {}
  Loop& loop;
  Event called;
  bool has_place = false;  // guarded by the admission's mutex
};

// The place in the line of one coroutine, which may be destroyed while it waits.
struct Admission::Place {
  Place(Admission* at, std::shared_ptr<Waiter> one) : admission(at), waiter(std::move(one)) {}
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() {
    if (admission != nullptr && GiveUp()) admission->Leave();
  }
  // True: it had been called in.
  bool GiveUp() {
    const base::MutexLock lock(&admission->mutex_);
    std::erase(admission->line_, waiter);
    return waiter->has_place;
  }
  Admission* admission;
  std::shared_ptr<Waiter> waiter;
};

Admission::Ticket::Ticket(Ticket&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}

Admission::Ticket& Admission::Ticket::operator=(Ticket&& other) noexcept {
  if (this != &other) {
    Return();
    from_ = std::exchange(other.from_, nullptr);
  }
  return *this;
}

void Admission::Ticket::Return() {
  if (from_ != nullptr) std::exchange(from_, nullptr)->Leave();
}

Admission::Answer Admission::Ask(const TargetLimits& limits) const {
  if (Reached(limits.max_requests, in_ + line_.size())) return Answer::kFull;
  if (line_.empty() && !Reached(limits.max_connections, in_)) return Answer::kIn;
  return line_.size() < limits.max_pending ? Answer::kWait : Answer::kFull;
}

Admission::Answer Admission::TryEnter(const TargetLimits& limits, Ticket* ticket) {
  {
    const base::MutexLock lock(&mutex_);
    const Answer answer = Ask(limits);
    if (answer != Answer::kIn) return answer;
    ++in_;
  }
  *ticket = Ticket(this);
  return Answer::kIn;
}

boost::asio::awaitable<std::optional<Admission::Ticket>> Admission::Wait(Loop& loop,
                                                                         TargetLimits limits,
                                                                         Deadline deadline) {
  auto waiter = std::make_shared<Waiter>(loop);
  {
    const base::MutexLock lock(&mutex_);
    const Answer answer = Ask(limits);  // it may have changed
    if (answer == Answer::kFull) co_return std::nullopt;
    if (answer == Answer::kWait) {
      line_.push_back(waiter);
    } else {
      ++in_;
      waiter->has_place = true;
      waiter->called.Set();
    }
  }
  Place place(this, std::move(waiter));
  (void)co_await place.waiter->called.Wait(deadline);
  const bool in = place.GiveUp();
  place.admission = nullptr;
  if (!in) co_return std::nullopt;
  co_return Ticket(this);
}

// The place goes to the first in the line, if any.
void Admission::Leave() {
  std::shared_ptr<Waiter> next;
  {
    const base::MutexLock lock(&mutex_);
    if (line_.empty()) {
      --in_;
      return;
    }
    next = std::move(line_.front());
    line_.pop_front();
    next->has_place = true;
  }
  Loop& loop = next->loop;
  loop.Post([next = std::move(next)] { next->called.Set(); });
}

Admission::Counts Admission::counts() const {
  const base::MutexLock lock(&mutex_);
  return {in_, static_cast<uint32_t>(line_.size())};
}

}  // namespace sallyport::dataplane
