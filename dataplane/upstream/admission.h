// The limits of one target at this process: requests under way, connections in use, requests that
// wait for one. Thread-safe; a request of any loop waits in the same line. Without limits nothing
// here is touched.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "dataplane/loop/deadline.h"
#include "dataplane/route/upstream_rules.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class Loop;

class Admission {
 public:
  // One request's place; given back with it. Outlives nothing: the Admission must be there.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket() { Return(); }
    void Return();

   private:
    friend class Admission;
    explicit Ticket(Admission* from) : from_(from) {}
    Admission* from_ = nullptr;
  };
  enum class Answer : uint8_t { kIn, kWait, kFull };

  // kIn: `ticket` holds a place. kWait: call Wait. kFull: too many are under way or wait already.
  [[nodiscard]] Answer TryEnter(const TargetLimits& limits, Ticket* ticket);
  // On `loop`'s thread. Nothing: full, or the deadline passed first. Those who wait come in in
  // their order.
  [[nodiscard]] boost::asio::awaitable<std::optional<Ticket>> Wait(Loop& loop, TargetLimits limits,
                                                                   Deadline deadline);

  struct Counts {
    uint32_t in = 0;
    uint32_t waiting = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Waiter;
  struct Place;
  [[nodiscard]] Answer Ask(const TargetLimits& limits) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave();

  mutable base::Mutex mutex_;
  uint32_t in_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::shared_ptr<Waiter>> line_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
