// Load shedding by queue delay: when one loop has more to do than it can, what comes waits longer
// and longer, and everybody gets an answer too late. Refusing a growing share at once keeps the
// wait of the others near `target`. One for what waits for the loop, and one for the handshakes
// that wait for their turn in it (Loop::long_work_delay_millis).
//
// The rule is CoDel's (RFC 8289 §3): a delay that comes and goes is a burst; one whose smallest
// value within an interval is over the target is a queue that stands. Then the share of refusals
// grows with each interval, and it halves with each that was not so. One loop's thread; pure but
// for its state.
#pragma once

#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace sallyport::dataplane {

class LoadShedder {
 public:
  // Zero: nothing is ever refused.
  explicit LoadShedder(absl::Duration target);

  // Something comes that could be refused, in turn number `turn` of the loop. `delay`: how long it
  // may have waited (the turn followed the one before so long), or will wait (the first in line
  // has). Milliseconds are monotonic. False: refuse it.
  [[nodiscard]] bool Admit(uint64_t turn, int64_t delay_millis, int64_t now_millis);
  // To be said now and then, with the delay of what might come: while nothing does, what is refused
  // of it becomes less, too.
  void Rest(int64_t delay_millis, int64_t now_millis);
  // Of what comes, 0 to kMostRefused.
  [[nodiscard]] double refused_share() const { return refused_; }

  // Somebody always gets through: else nobody would notice that it is over.
  static constexpr double kMostRefused = 0.95;

 private:
  void EndInterval(int64_t now_millis);
  void Forget(int64_t intervals);

  int64_t target_;
  int64_t interval_;
  int64_t began_ = 0;
  uint64_t last_turn_ = 0;
  int64_t last_at_ = 0;
  int turns_ = 0;  // of this interval, in which something came
  int64_t least_ = std::numeric_limits<int64_t>::max();
  double refused_ = 0;
  double owed_ = 0;  // refusals, so that they come evenly
};

}  // namespace sallyport::dataplane
