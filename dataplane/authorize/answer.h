// One cached answer of authsvc and the rules by which it may be used (DESIGN 8): fresh while the
// stream is healthy, its time has not passed and none of its tags was evicted; stale, when nobody
// answers, for a time after it was last known to be current. Private to dataplane/authorize.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/time/time.h"
#include "dataplane/sync/stream_state.h"
#include "shared/base/clock.h"
#include "shared/cache/generations.h"

namespace sallyport::dataplane {

inline int64_t Nanoseconds(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

// Monotonic times in nanoseconds.
struct AnswerTimes {
  int64_t answered = 0;
  int64_t fresh_until = 0;
  int64_t refresh_at = 0;  // ask again from here on, while it is still fresh
  int64_t hard_until = 0;  // never used from here on, whoever answers
  int64_t stale_for = 0;   // after the last proof of currency
};

template <typename T>
struct Answer {
  std::shared_ptr<const T> value;
  cache::TagStamp stamp;
  AnswerTimes times;
  absl::Time hard_expiry = absl::InfiniteFuture();  // the same bound on the wall clock
  bool positive = false;                            // only these are used stale
  mutable std::atomic<bool> refreshing{false};
};

// What decides about an answer's use.
struct AnswerContext {
  const base::Clock* clock;
  const StreamState* stream;
  cache::TagGenerations* generations;

  [[nodiscard]] int64_t Now() const { return clock->MonotonicNanoseconds(); }
  [[nodiscard]] bool Healthy(int64_t now) const { return stream->HealthyAt(now); }

  template <typename T>
  [[nodiscard]] bool Fresh(const Answer<T>& answer, int64_t now) const {
    return now < answer.times.fresh_until && Healthy(now) && generations->Valid(answer.stamp);
  }

  // Nobody answered: may it be used all the same?
  template <typename T>
  [[nodiscard]] bool UsableStale(const Answer<T>& answer, int64_t now) const {
    const AnswerTimes& times = answer.times;
    if (!answer.positive || times.stale_for <= 0) return false;
    if (now >= times.hard_until || clock->Now() >= answer.hard_expiry) return false;
    if (!generations->Valid(answer.stamp)) return false;
    // While the stream lived, what it did not evict was current; but never for longer than its own
    // time.
    const int64_t by_stream = std::min(Nanoseconds(stream->LastProof()), times.fresh_until);
    return now - std::max(times.answered, by_stream) < times.stale_for;
  }
};

struct AnswerBounds {
  absl::Duration ttl;
  absl::Time hard_expiry = absl::InfiniteFuture();
  absl::Duration stale_for;
};

// `jitter` in [0, 1): spreads refreshes over the last fifth of the time.
[[nodiscard]] AnswerTimes TimesFor(const AnswerBounds& bounds, absl::Time wall, int64_t now,
                                   double jitter);

}  // namespace sallyport::dataplane
