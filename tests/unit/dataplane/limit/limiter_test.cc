#include "dataplane/limit/limiter.h"

#include "absl/strings/str_cat.h"
#include "dataplane/limit/gcra.h"
#include "gtest/gtest.h"
#include "tests/fakes/manual_clock.h"
#include "tests/fakes/permit_for_tests.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

LimitGrant Grant(const std::string& bucket, RateRule rate, QuotaRule quota = {}) {
  LimitGrant grant;
  grant.bucket = bucket;
  grant.rate = rate;
  grant.quota = quota;
  return grant;
}
Permit With(std::vector<LimitGrant> limits) {
  Decision decision;
  decision.grants.limits = std::move(limits);
  return PermitForTests::Of(std::move(decision));
}

struct World {
  base::ManualClock clock;
  Route route;
  Limiter limiter{LimitOptions{}, &clock};
  World() { route.api_id = "a"; }
  Reason Take(const Permit& permit) { return limiter.Take(permit, route, nullptr, false).reason; }
};

TEST(Limiter, RateThenRefillOverItsTime) {
  World world;
  const Permit permit = With({Grant("key:k", {3, absl::Seconds(30)})});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.Take(permit), Reason::kAllowed) << i;
  const LimitOutcome refused = world.limiter.Take(permit, world.route, nullptr, false);
  EXPECT_EQ(refused.reason, Reason::kRateLimited);
  EXPECT_GT(refused.retry_after, absl::Seconds(9));
  EXPECT_LE(refused.retry_after, absl::Seconds(10));
  world.clock.Advance(absl::Seconds(10));
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  EXPECT_EQ(world.Take(permit), Reason::kRateLimited);
  world.clock.Advance(absl::Seconds(30));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.Take(permit), Reason::kAllowed) << i;
  EXPECT_EQ(world.Take(permit), Reason::kRateLimited);
}

TEST(Gcra, NeverMoreThanTwiceTheRateInAnyPeriodAndTheRateInTheLongRun) {
  const RateRule rule{5, absl::Seconds(10)};
  int64_t state = 0;
  int allowed = 0;
  for (int64_t ms = 0; ms < 1'000'000; ms += 100) {
    const GcraStep step = TakeRate(rule, state, ms * 1'000'000);
    if (!step.allowed) continue;
    state = step.state;
    ++allowed;
  }
  EXPECT_GE(allowed, 500);
  EXPECT_LE(allowed, 505);
}

TEST(Gcra, BelowOnePerPeriod) {
  const RateRule rule{0.5, absl::Seconds(1)};
  GcraStep step = TakeRate(rule, 0, 1'000'000'000);
  ASSERT_TRUE(step.allowed);
  EXPECT_FALSE(TakeRate(rule, step.state, 2'900'000'000).allowed);
  EXPECT_TRUE(TakeRate(rule, step.state, 3'000'000'000).allowed);
}

TEST(Limiter, BucketsAreSharedByNameOnly) {
  World world;
  const Permit one = With({Grant("key:k", {1, absl::Seconds(60)})});
  const Permit same = With({Grant("key:k", {1, absl::Seconds(60)})});
  const Permit other = With({Grant("key:l", {1, absl::Seconds(60)})});
  EXPECT_EQ(world.Take(one), Reason::kAllowed);
  EXPECT_EQ(world.Take(same), Reason::kRateLimited);
  EXPECT_EQ(world.Take(other), Reason::kAllowed);
}

TEST(Limiter, QuotaFromTheFirstRequestUntilItRenews) {
  World world;
  const Permit permit = With({Grant("key:k", {}, {2, absl::Hours(1)})});
  LimitOutcome outcome = world.limiter.Take(permit, world.route, nullptr, false);
  ASSERT_TRUE(outcome.quota.has_value());
  EXPECT_EQ(outcome.quota->limit, 2);
  EXPECT_EQ(outcome.quota->remaining, 1);
  EXPECT_EQ(outcome.quota->reset_unix, absl::ToUnixSeconds(world.clock.Now() + absl::Hours(1)));
  world.clock.Advance(absl::Minutes(30));
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  outcome = world.limiter.Take(permit, world.route, nullptr, false);
  EXPECT_EQ(outcome.reason, Reason::kQuotaExceeded);
  EXPECT_EQ(outcome.quota->remaining, 0);
  EXPECT_EQ(outcome.retry_after, absl::Minutes(30));
  world.clock.Advance(absl::Minutes(30));
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
}

TEST(Limiter, QuotaThatNeverRenews) {
  World world;
  const Permit permit = With({Grant("key:k", {}, {1, absl::ZeroDuration()})});
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  world.clock.Advance(absl::Hours(24 * 365));
  const LimitOutcome outcome = world.limiter.Take(permit, world.route, nullptr, false);
  EXPECT_EQ(outcome.reason, Reason::kQuotaExceeded);
  EXPECT_EQ(outcome.quota->reset_unix, 0);
  EXPECT_EQ(outcome.retry_after, absl::ZeroDuration());
}

TEST(Limiter, UnlimitedQuotas) {
  World world;
  for (int64_t max : {0, -1}) {
    const Permit permit = With({Grant("key:k", {}, {max, absl::Hours(1)})});
    for (int i = 0; i < 100; ++i) EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  }
}

TEST(Limiter, AResetVoidsOlderCounters) {
  World world;
  LimitGrant grant = Grant("key:k", {}, {1, absl::Hours(1)});
  EXPECT_EQ(world.Take(With({grant})), Reason::kAllowed);
  EXPECT_EQ(world.Take(With({grant})), Reason::kQuotaExceeded);
  world.clock.Advance(absl::Seconds(10));
  grant.reset = world.clock.Now();
  EXPECT_EQ(world.Take(With({grant})), Reason::kAllowed);
  EXPECT_EQ(world.Take(With({grant})), Reason::kQuotaExceeded);
}

TEST(Limiter, ARequestThatARateRefusesCostsNoQuota) {
  World world;
  const Permit permit = With({Grant("key:k", {1, absl::Seconds(10)}, {5, absl::Hours(1)})});
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(world.Take(permit), Reason::kRateLimited);
  world.clock.Advance(absl::Seconds(10));
  const LimitOutcome outcome = world.limiter.Take(permit, world.route, nullptr, false);
  EXPECT_EQ(outcome.quota->remaining, 3);
}

TEST(Limiter, AQuotaThatRefusesGivesTheOthersBack) {
  World world;
  const Permit wide = With({Grant("policy:p", {}, {10, absl::Hours(1)})});
  const Permit both =
      With({Grant("policy:p", {}, {10, absl::Hours(1)}), Grant("key:k", {}, {1, absl::Hours(1)})});
  EXPECT_EQ(world.Take(both), Reason::kAllowed);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(world.Take(both), Reason::kQuotaExceeded);
  EXPECT_EQ(world.limiter.Take(wide, world.route, nullptr, false).quota->remaining, 8);
}

TEST(Limiter, TheApiHasALimitOfItsOwn) {
  World world;
  world.route.api_rate = {2, absl::Seconds(10)};
  EXPECT_EQ(world.Take(With({Grant("key:k", {10, absl::Seconds(10)})})), Reason::kAllowed);
  EXPECT_EQ(world.Take(With({Grant("key:l", {10, absl::Seconds(10)})})), Reason::kAllowed);
  EXPECT_EQ(world.Take(With({})), Reason::kApiRateLimited);
  Route other = world.route;
  other.api_id = "b";
  EXPECT_TRUE(world.limiter.Take(With({}), other, nullptr, false).allowed());
}

TEST(Limiter, SwitchesTurnOffKeyLimitsOnly) {
  World world;
  world.route.disable_rate_limit = world.route.disable_quota = true;
  const Permit permit = With({Grant("key:k", {1, absl::Seconds(10)}, {1, absl::Hours(1)})});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  world.route.api_rate = {1, absl::Seconds(10)};
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
  EXPECT_EQ(world.Take(permit), Reason::kApiRateLimited);
}

TEST(Limiter, ExemptPathsCountNothing) {
  World world;
  const Permit permit = With({Grant("key:k", {1, absl::Seconds(10)})});
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(world.limiter.Take(permit, world.route, nullptr, true).allowed());
  EXPECT_EQ(world.Take(permit), Reason::kAllowed);
}

TEST(Limiter, MemoryIsBoundedAndFullBucketsGoFirst) {
  base::ManualClock clock;
  Limiter limiter(LimitOptions{6400}, &clock);
  Route route;
  const Permit quota = With({Grant("key:quota", {}, {1, absl::Hours(1)})});
  EXPECT_TRUE(limiter.Take(quota, route, nullptr, false).allowed());
  for (int i = 0; i < 50'000; ++i) {
    clock.Advance(absl::Milliseconds(10));
    (void)limiter.Take(With({Grant(absl::StrCat("key:", i), {1, absl::Milliseconds(5)})}), route,
                       nullptr, false);
  }
  EXPECT_LE(limiter.size(), 6400u);
  EXPECT_EQ(limiter.Take(quota, route, nullptr, false).reason, Reason::kQuotaExceeded);
}

TEST(Limiter, AnOperationsCallersShareItsRate) {
  World world;
  RouteOperation operation;
  operation.rate = {1, absl::Seconds(10)};
  operation.bucket = "op";
  const Permit one = With({}), other = With({});
  EXPECT_TRUE(world.limiter.Take(one, world.route, &operation, false).allowed());
  const LimitOutcome refused = world.limiter.Take(other, world.route, &operation, false);
  EXPECT_EQ(refused.reason, Reason::kApiRateLimited);
  EXPECT_TRUE(world.limiter.Take(other, world.route, nullptr, false).allowed());
  RouteOperation another = operation;
  another.bucket = "another";
  EXPECT_TRUE(world.limiter.Take(other, world.route, &another, false).allowed());
}

}  // namespace
}  // namespace sallyport::dataplane
