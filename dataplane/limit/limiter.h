// Rate and quota by bucket, per replica. One Limiter per process, shared by loops: sharded, one
// short lock per bucket, bounded memory (a rate bucket that is full again is forgotten first).
// Thread-safe.
//
// Rate: GCRA: `rate` requests at once, refilled over `per`. Quota: `max` requests from the first
// one until `renewal` later. Order of the refusal as Tyk's: rate, API rate, quota; nothing is taken
// from a quota for a request that a rate refuses.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/authorize/verdict.h"
#include "dataplane/route/route.h"
#include "shared/base/reason.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::dataplane {

struct LimitOptions {
  size_t max_buckets = 1'000'000;
};

// The tightest quota that was looked at: X-RateLimit-Limit, -Remaining, -Reset of tyk-style
// answers.
struct QuotaState {
  int64_t limit = 0;
  int64_t remaining = 0;
  int64_t reset_unix = 0;  // 0: never renews
};
struct LimitOutcome {
  base::Reason reason = base::Reason::kAllowed;  // kRateLimited, kApiRateLimited, kQuotaExceeded
  absl::Duration retry_after;                    // > 0 with a refusal that passes
  std::optional<QuotaState> quota;
  [[nodiscard]] bool allowed() const { return reason == base::Reason::kAllowed; }
};

class Limiter {
 public:
  Limiter(LimitOptions options, const base::Clock* clock);
  ~Limiter();
  Limiter(const Limiter&) = delete;
  Limiter& operator=(const Limiter&) = delete;

  // Counts this request. `operation`: of the route, may be null. `exempt`: an ignored path
  // (RouteMatch::profile "ignored"): nothing is counted.
  [[nodiscard]] LimitOutcome Take(const Permit& permit, const Route& route,
                                  const RouteOperation* operation, bool exempt);
  [[nodiscard]] size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sallyport::dataplane
