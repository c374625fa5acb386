#include "dataplane/limit/limiter.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "dataplane/limit/gcra.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"
#include "shared/cache/keyed_hash.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;
using cache::Hash128;

constexpr size_t kShards = 64;

struct Bucket {
  int64_t rate_state = 0;  // monotonic: full again from here on
  int64_t quota_used = 0;
  absl::Time quota_start = absl::InfiniteFuture();  // of the running period; future: none runs
  int64_t quota_until_ns = 0;                       // monotonic; 0: no quota kept here
  int64_t touched_ns = 0;
};

struct Shard {
  base::Mutex mutex;
  absl::flat_hash_map<Hash128, Bucket> buckets ABSL_GUARDED_BY(mutex);
};

// Nothing is lost when it is forgotten.
bool Idle(const Bucket& bucket, int64_t now) {
  return bucket.rate_state <= now && (bucket.quota_until_ns == 0 || bucket.quota_until_ns <= now);
}

bool HasQuota(const QuotaRule& rule) { return rule.max > 0; }

// What one request counts against.
struct Claim {
  Hash128 key;
  RateRule rate;
  QuotaRule quota;
  absl::Time reset = absl::InfinitePast();
  Reason rate_reason = Reason::kRateLimited;
};

}  // namespace

struct Limiter::Impl {
  Impl(LimitOptions options, const base::Clock* clk)
      : clock(clk), per_shard(std::max<size_t>(1, options.max_buckets / kShards)) {}

  Shard& Of(const Hash128& key) { return shards[key.high % kShards]; }

  Bucket& At(Shard& shard, const Hash128& key, int64_t now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
    const auto found = shard.buckets.find(key);
    if (found != shard.buckets.end()) {
      found->second.touched_ns = now;
      return found->second;
    }
    if (shard.buckets.size() >= per_shard) MakeRoom(shard, now);
    Bucket& bucket = shard.buckets[key];
    bucket.touched_ns = now;
    return bucket;
  }

  // First what is idle; when nothing is, the eighth that was not used for longest.
  void MakeRoom(Shard& shard, int64_t now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex) {
    absl::erase_if(shard.buckets, [&](const auto& entry) { return Idle(entry.second, now); });
    if (shard.buckets.size() < per_shard) return;
    std::vector<int64_t> ages;
    for (const auto& [key, bucket] : shard.buckets) ages.push_back(bucket.touched_ns);
    const auto cut = ages.begin() + static_cast<std::ptrdiff_t>(ages.size() / 8);
    std::nth_element(ages.begin(), cut, ages.end());
    absl::erase_if(shard.buckets,
                   [&](const auto& entry) { return entry.second.touched_ns <= *cut; });
  }

  // True: taken. Else how long until it would be.
  bool TakeRateOf(const Claim& claim, int64_t now, absl::Duration* wait) {
    Shard& shard = Of(claim.key);
    base::MutexLock lock(&shard.mutex);
    Bucket& bucket = At(shard, claim.key, now);
    const GcraStep step = TakeRate(claim.rate, bucket.rate_state, now);
    if (step.allowed)
      bucket.rate_state = step.state;
    else
      *wait = absl::Nanoseconds(step.wait_ns);
    return step.allowed;
  }

  bool TakeQuotaOf(const Claim& claim, int64_t now, absl::Time wall, QuotaState* state) {
    Shard& shard = Of(claim.key);
    base::MutexLock lock(&shard.mutex);
    Bucket& bucket = At(shard, claim.key, now);
    const bool renews = claim.quota.renewal > absl::ZeroDuration();
    const bool over = bucket.quota_until_ns != 0 && bucket.quota_until_ns <= now;
    if (bucket.quota_start > wall || over || bucket.quota_start < claim.reset) {
      bucket.quota_start = wall;
      bucket.quota_used = 0;
      const absl::Duration period =
          renews ? std::min(claim.quota.renewal, absl::Hours(24 * 3660)) : absl::Hours(24 * 3660);
      bucket.quota_until_ns = now + absl::ToInt64Nanoseconds(period);
    }
    const bool allowed = bucket.quota_used < claim.quota.max;
    if (allowed) ++bucket.quota_used;
    state->limit = claim.quota.max;
    state->remaining = std::max<int64_t>(0, claim.quota.max - bucket.quota_used);
    state->reset_unix = renews ? absl::ToUnixSeconds(bucket.quota_start + claim.quota.renewal) : 0;
    return allowed;
  }

  void GiveBack(const Claim& claim) {
    Shard& shard = Of(claim.key);
    base::MutexLock lock(&shard.mutex);
    const auto found = shard.buckets.find(claim.key);
    if (found != shard.buckets.end() && found->second.quota_used > 0) --found->second.quota_used;
  }

  const base::Clock* const clock;
  const size_t per_shard;
  std::array<Shard, kShards> shards;
};

namespace {

using Claims = absl::InlinedVector<Claim, 4>;

Claims ClaimsOf(const Permit& permit, const Route& route, const RouteOperation* operation) {
  Claims claims;
  for (const LimitGrant& grant : permit.decision().grants.limits) {
    Claim claim;
    claim.key = cache::KeyBuilder().Add("grant").Add(grant.bucket).Finish();
    if (!route.disable_rate_limit) claim.rate = grant.rate;
    if (!route.disable_quota) claim.quota = grant.quota;
    claim.reset = grant.reset;
    claims.push_back(claim);
  }
  if (HasRate(route.api_rate) || HasQuota(route.api_quota)) {
    Claim claim;
    claim.key = cache::KeyBuilder().Add("api").Add(route.api_id).Finish();
    // The switches are about keys and policies; the API's own limit has none.
    claim.rate = route.api_rate;
    claim.quota = route.api_quota;
    claim.rate_reason = Reason::kApiRateLimited;
    claims.push_back(claim);
  }
  if (operation != nullptr && HasRate(operation->rate)) {
    Claim claim;
    claim.key =
        cache::KeyBuilder().Add("operation").Add(route.api_id).Add(operation->bucket).Finish();
    claim.rate = operation->rate;
    claim.rate_reason = Reason::kApiRateLimited;
    claims.push_back(claim);
  }
  return claims;
}

}  // namespace

Limiter::Limiter(LimitOptions options, const base::Clock* clock)
    : impl_(std::make_unique<Impl>(options, clock)) {}
Limiter::~Limiter() = default;

LimitOutcome Limiter::Take(const Permit& permit, const Route& route,
                           const RouteOperation* operation, bool exempt) {
  LimitOutcome outcome;
  if (exempt) return outcome;
  const Claims claims = ClaimsOf(permit, route, operation);
  if (claims.empty()) return outcome;
  const int64_t now = absl::ToInt64Nanoseconds(impl_->clock->Monotonic());
  for (const Claim& claim : claims) {
    if (!HasRate(claim.rate)) continue;
    if (impl_->TakeRateOf(claim, now, &outcome.retry_after)) continue;
    outcome.reason = claim.rate_reason;
    return outcome;
  }
  const absl::Time wall = impl_->clock->Now();
  for (size_t i = 0; i < claims.size(); ++i) {
    if (!HasQuota(claims[i].quota)) continue;
    QuotaState state;
    const bool taken = impl_->TakeQuotaOf(claims[i], now, wall, &state);
    if (!outcome.quota.has_value() || !taken || state.remaining < outcome.quota->remaining) {
      outcome.quota = state;
    }
    if (taken) continue;
    for (size_t back = 0; back < i; ++back) {
      if (HasQuota(claims[back].quota)) impl_->GiveBack(claims[back]);
    }
    outcome.reason = Reason::kQuotaExceeded;
    if (state.reset_unix != 0) {
      outcome.retry_after =
          std::max(absl::Seconds(1), absl::FromUnixSeconds(state.reset_unix) - wall);
    }
    return outcome;
  }
  return outcome;
}

size_t Limiter::size() const {
  size_t total = 0;
  for (Shard& shard : impl_->shards) {
    base::MutexLock lock(&shard.mutex);
    total += shard.buckets.size();
  }
  return total;
}

}  // namespace sallyport::dataplane
