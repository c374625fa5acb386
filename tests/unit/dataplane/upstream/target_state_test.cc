#include "dataplane/upstream/target_state.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "dataplane/upstream/hash_ring.h"
#include "dataplane/upstream/retry_budget.h"

namespace sallyport::dataplane {
namespace {

class EjectionTest : public ::testing::Test {
 protected:
  EjectionTest() {
    rules_.failures = 3;
    rules_.base = absl::Seconds(5);
    rules_.max = absl::Seconds(30);
  }
  bool Fail(int times = 1) {
    bool ejected = false;
    for (int i = 0; i < times; ++i) ejected = state_.Failed(rules_, now_);
    return ejected;
  }
  // How long it is left out from now on.
  int64_t Away() const {
    int64_t millis = 0;
    while (state_.ejected(now_ + millis)) millis += 100;
    return millis;
  }
  EjectionRules rules_;
  TargetState state_;
  int64_t now_ = 50'000;
};

TEST_F(EjectionTest, FailuresInARowEject) {
  EXPECT_FALSE(Fail(2));
  state_.Succeeded(now_);
  EXPECT_FALSE(Fail(2)) << "not in a row";
  EXPECT_TRUE(state_.usable(now_));
  EXPECT_EQ(state_.back_since(), TargetState::kNever);
  EXPECT_TRUE(Fail());
  EXPECT_FALSE(state_.usable(now_));
  EXPECT_EQ(Away(), 5'000);
  EXPECT_EQ(state_.back_since(), now_ + 5'000);
}

TEST_F(EjectionTest, RequestsFromBeforeDoNotProlongIt) {
  EXPECT_TRUE(Fail(3));
  now_ += 1'000;
  EXPECT_FALSE(Fail(100));
  state_.Succeeded(now_);
  EXPECT_EQ(Away(), 4'000);
}

TEST_F(EjectionTest, TheTimeGrowsUpToABoundAndOneFailureIsEnoughOnReturn) {
  EXPECT_TRUE(Fail(3));
  for (const int64_t expected : {10'000, 20'000, 30'000, 30'000}) {
    now_ += Away();
    EXPECT_TRUE(state_.usable(now_));
    EXPECT_TRUE(Fail());
    EXPECT_EQ(Away(), expected);
  }
}

TEST_F(EjectionTest, AGoodTimeForgetsWhatWas) {
  EXPECT_TRUE(Fail(3));
  now_ += 5'000;
  state_.Succeeded(now_);
  EXPECT_FALSE(Fail(2));
  EXPECT_TRUE(Fail());
  EXPECT_EQ(Away(), 10'000) << "not good for long enough";
  now_ += 10'000;
  state_.Succeeded(now_);
  now_ += 10'000;
  state_.Succeeded(now_);
  EXPECT_TRUE(Fail(3));
  EXPECT_EQ(Away(), 5'000);
}

TEST_F(EjectionTest, OffMeansNever) {
  rules_.enabled = false;
  EXPECT_FALSE(Fail(1000));
  EXPECT_TRUE(state_.usable(now_));
}

TEST(ProbeTest, ThresholdsHoldBothWays) {
  HealthCheckRules rules;
  rules.unhealthy_after = 3;
  rules.healthy_after = 2;
  TargetState state;
  EXPECT_FALSE(state.Probed(rules, true, 1));
  EXPECT_FALSE(state.Probed(rules, false, 2));
  EXPECT_FALSE(state.Probed(rules, false, 3));
  EXPECT_FALSE(state.Probed(rules, true, 4));
  EXPECT_FALSE(state.Probed(rules, false, 5));
  EXPECT_FALSE(state.Probed(rules, false, 6));
  EXPECT_TRUE(state.Probed(rules, false, 7));
  EXPECT_TRUE(state.down());
  EXPECT_FALSE(state.Probed(rules, true, 8));
  EXPECT_FALSE(state.Probed(rules, false, 9));
  EXPECT_FALSE(state.Probed(rules, true, 10));
  EXPECT_TRUE(state.Probed(rules, true, 11));
  EXPECT_TRUE(state.usable(11));
  EXPECT_EQ(state.back_since(), 11);
}

TEST(ProbeTest, TheFirstAnswerIsBelieved) {
  TargetState state;
  EXPECT_TRUE(state.Probed({}, false, 1));
  EXPECT_TRUE(state.down());
}

TEST(ProbeTest, WhoIsNoLongerCheckedIsNotDown) {
  TargetState state;
  EXPECT_TRUE(state.Probed({}, false, 1));
  state.NoLongerProbed(5);
  EXPECT_TRUE(state.usable(5));
  EXPECT_EQ(state.back_since(), 5);
}

TEST(RetryBudgetTest, TenASecondAreFree) {
  RetryBudget budget(20);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.Take(5'000));
  EXPECT_FALSE(budget.Take(5'999));
  EXPECT_TRUE(budget.Take(6'000));
}

TEST(RetryBudgetTest, APartOfTheRequestsOfTheLastTenSeconds) {
  RetryBudget budget(20);
  for (int i = 0; i < 1000; ++i) budget.Request(5'000);
  int taken = 0;
  while (budget.Take(5'000)) ++taken;
  EXPECT_EQ(taken, 200);
  for (int i = 0; i < 1000; ++i) budget.Request(14'000);
  taken = 0;
  while (budget.Take(14'000)) ++taken;
  EXPECT_EQ(taken, 200);
  taken = 0;
  while (budget.Take(15'000)) ++taken;  // the first second has gone: 1000 requests, 200 retries
  EXPECT_EQ(taken, 10);
  taken = 0;
  while (budget.Take(100'000)) ++taken;
  EXPECT_EQ(taken, 10) << "nothing is saved up";
}

TEST(HashRingTest, AMemberThatComesTakesKeysButMovesNoOthers) {
  std::vector<HashRing::Member> members = {{"a", 1}, {"b", 1}, {"c", 1}};
  const HashRing before(members);
  members.insert(members.begin() + 1, {"d", 1});
  const HashRing after(members);
  const auto any = [](size_t) { return true; };
  const char* const names[] = {"a", "d", "b", "c"};
  const char* const old_names[] = {"a", "b", "c"};
  int moved = 0;
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t hash = StableHash(absl::StrCat("key", i));
    const std::string now = names[after.Find(hash, any)];
    if (now == "d")
      ++moved;
    else
      EXPECT_EQ(now, old_names[before.Find(hash, any)]);
  }
  EXPECT_NEAR(moved, 2'500, 600);
}

TEST(HashRingTest, WeightsAreShares) {
  const HashRing ring({{"a", 30}, {"b", 10}});
  int count = 0;
  for (int i = 0; i < 10'000; ++i) {
    count += ring.Find(StableHash(absl::StrCat(i)), [](size_t) { return true; }) == 0 ? 1 : 0;
  }
  EXPECT_NEAR(count, 7'500, 700);
}

TEST(HashRingTest, EmptyAndRefusingRings) {
  EXPECT_EQ(HashRing().Find(1, [](size_t) { return true; }), -1);
  EXPECT_EQ(HashRing({{"a", 1}}).Find(1, [](size_t) { return false; }), -1);
}

TEST(HashRingTest, TheHashIsPartOfTheContractBetweenReplicas) {
  EXPECT_EQ(StableHash(""), 0xf52a15e9a9b5e89bULL);
  EXPECT_NE(StableHash("a"), StableHash("b"));
}

}  // namespace
}  // namespace sallyport::dataplane
