#include "dataplane/upstream/target_group.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

RouteTarget TargetNamed(const std::string& host, uint32_t weight = 1) {
  RouteTarget target;
  target.url = "http://" + host;
  target.scheme = "http";
  target.host = host;
  target.port = 80;
  target.weight = weight;
  return target;
}

class TargetGroupTest : public ::testing::Test {
 protected:
  TargetGroupTest() { route_.api_id = "api"; }

  void Make(std::vector<RouteTarget> targets) {
    route_.targets = std::move(targets);
    group_ = new TargetGroup(route_, route_.targets, registry_);
  }
  TargetUse Choose(const TriedTargets& tried = {}) { return group_->Choose(hash_, tried, now_); }
  std::string Host() {
    const TargetUse use = Choose();
    return use ? use.target()->host : "";
  }
  std::string Order(int count) {
    std::string order;
    for (int i = 0; i < count; ++i) order += Host();
    return order;
  }
  std::map<std::string, int> Shares(int count) {
    std::map<std::string, int> shares;
    for (int i = 0; i < count; ++i) ++shares[Host()];
    return shares;
  }
  TargetState& State(const std::string& host) {
    return *registry_.Of("api", **ParseUpstreamTarget("http://" + host));
  }
  void Eject(const std::string& host) {
    EjectionRules rules;
    rules.failures = 1;
    EXPECT_TRUE(State(host).Failed(rules, now_));
  }

  Route route_;
  TargetRegistry registry_;
  TargetGroupPtr group_;
  std::optional<uint64_t> hash_;
  int64_t now_ = 1'000'000;
};

TEST_F(TargetGroupTest, SharesByWeightSpreadEvenly) {
  Make({TargetNamed("a", 3), TargetNamed("b", 1)});
  EXPECT_EQ(Order(8), "aabaaaba");
  Make({TargetNamed("a", 0), TargetNamed("b", 0)});
  EXPECT_EQ(Order(4), "abab");
}

TEST_F(TargetGroupTest, NobodyIsTriedTwice) {
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c")});
  TriedTargets tried;
  std::string order;
  for (TargetUse use = Choose(tried); use; use = Choose(tried)) {
    order += use.target()->host;
    tried.push_back(use.index());
  }
  EXPECT_EQ(order, "abc");
  Make({TargetNamed("a")});
  EXPECT_TRUE(Choose());
  EXPECT_FALSE(Choose({0}));
}

TEST_F(TargetGroupTest, LeastRequestsGoesWhereTheFewestAre) {
  route_.balancing.policy = BalancingRules::Policy::kLeastRequests;
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c")});
  EXPECT_EQ(Order(6), "abcabc") << "in turn while nothing is outstanding";
  std::vector<TargetUse> held;
  for (int i = 0; i < 3; ++i) held.push_back(Choose());
  for (TargetUse& use : held) {
    if (use.target()->host != "b") continue;
    use.End();
    break;
  }
  EXPECT_EQ(Order(3), "bbb");
}

TEST_F(TargetGroupTest, LeastRequestsCountsWeights) {
  route_.balancing.policy = BalancingRules::Policy::kLeastRequests;
  Make({TargetNamed("a", 3), TargetNamed("b", 1)});
  std::vector<TargetUse> held;
  std::map<std::string, int> shares;
  for (int i = 0; i < 40; ++i) {
    held.push_back(Choose());
    ++shares[held.back().target()->host];
  }
  EXPECT_EQ(shares["a"], 30);
  EXPECT_EQ(shares["b"], 10);
}

TEST_F(TargetGroupTest, AHashHasItsTargetInEveryReplica) {
  route_.balancing.policy = BalancingRules::Policy::kConsistentHash;
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c")});
  TargetRegistry elsewhere;
  const TargetGroupPtr other(new TargetGroup(route_, route_.targets, elsewhere));
  std::map<std::string, int> shares;
  for (int i = 0; i < 3000; ++i) {
    hash_ = StableHash(absl::StrCat("user-", i));
    const std::string host = Host();
    ++shares[host];
    EXPECT_EQ(Host(), host);
    EXPECT_EQ(other->Choose(hash_, {}, now_).target()->host, host);
  }
  for (const auto& [host, count] : shares) EXPECT_NEAR(count, 1000, 250) << host;
  EXPECT_EQ(shares.size(), 3u);
}

TEST_F(TargetGroupTest, WithoutAHashTheRequestGoesInTurn) {
  route_.balancing.policy = BalancingRules::Policy::kConsistentHash;
  Make({TargetNamed("a"), TargetNamed("b")});
  EXPECT_EQ(Order(4), "abab");
}

TEST_F(TargetGroupTest, AnEjectedTargetGivesAwayOnlyItsOwnKeys) {
  route_.balancing.policy = BalancingRules::Policy::kConsistentHash;
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c")});
  std::vector<std::string> before;
  for (int i = 0; i < 500; ++i) {
    hash_ = StableHash(absl::StrCat(i));
    before.push_back(Host());
  }
  Eject("b");
  for (int i = 0; i < 500; ++i) {
    hash_ = StableHash(absl::StrCat(i));
    const std::string& was = before[static_cast<size_t>(i)];
    if (was == "b") {
      EXPECT_NE(Host(), "b");
    } else {
      EXPECT_EQ(Host(), was);
    }
  }
}

TEST_F(TargetGroupTest, BoundedLoadMovesWhatIsTooMuch) {
  route_.balancing.policy = BalancingRules::Policy::kConsistentHash;
  route_.balancing.load_percent = 125;
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c"), TargetNamed("d")});
  hash_ = StableHash("everybody");
  std::vector<TargetUse> held;
  std::map<std::string, int> shares;
  for (int i = 0; i < 100; ++i) {
    held.push_back(Choose());
    ++shares[held.back().target()->host];
  }
  for (const auto& [host, count] : shares) EXPECT_LE(count, 32) << host;
  held.clear();
  EXPECT_EQ(Shares(10).size(), 1u) << "one at a time they all go to its own";
}

TEST_F(TargetGroupTest, EjectedAndDownTargetsAreLeftOut) {
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c")});
  Eject("a");
  HealthCheckRules rules;
  EXPECT_TRUE(State("b").Probed(rules, false, now_));
  EXPECT_EQ(Order(4), "cccc");
  TriedTargets tried = {2};
  EXPECT_TRUE(Choose(tried)) << "rather one that is left out than none";
}

TEST_F(TargetGroupTest, TheLastOnesAreNeverLeftOut) {
  Make({TargetNamed("a"), TargetNamed("b")});
  Eject("a");
  Eject("b");
  EXPECT_EQ(Shares(10)["a"], 5);
}

TEST_F(TargetGroupTest, BelowThePanicThresholdAllAreUsed) {
  route_.balancing.panic_percent = 50;
  Make({TargetNamed("a"), TargetNamed("b"), TargetNamed("c"), TargetNamed("d")});
  Eject("a");
  Eject("b");
  EXPECT_EQ(Shares(8).size(), 2u) << "half of them are enough";
  Eject("c");
  EXPECT_EQ(Shares(8).size(), 4u);
}

TEST_F(TargetGroupTest, OneThatComesBackStartsSlowly) {
  route_.balancing.slow_start = absl::Seconds(10);
  Make({TargetNamed("a"), TargetNamed("b")});
  Eject("a");
  EXPECT_EQ(Shares(10)["a"], 0);
  now_ += 5'000;  // the first ejection is over
  EXPECT_EQ(Shares(110)["a"], 10);
  now_ += 5'000;
  EXPECT_NEAR(Shares(155)["a"], 55, 1);
  now_ += 5'000;
  EXPECT_EQ(Shares(100)["a"], 50);
}

TEST_F(TargetGroupTest, OneThatComesBackTakesSomeOfItsKeysFirst) {
  route_.balancing.policy = BalancingRules::Policy::kConsistentHash;
  route_.balancing.slow_start = absl::Seconds(10);
  Make({TargetNamed("a"), TargetNamed("b")});
  const auto keys_of_a = [&] {
    int count = 0;
    for (int i = 0; i < 2000; ++i) {
      hash_ = StableHash(absl::StrCat(i));
      count += Host() == "a" ? 1 : 0;
    }
    return count;
  };
  const int all = keys_of_a();
  Eject("a");
  EXPECT_EQ(keys_of_a(), 0);
  now_ += 5'000;
  EXPECT_NEAR(keys_of_a(), all / 10, all / 20);
  now_ += 5'000;
  EXPECT_NEAR(keys_of_a(), all * 55 / 100, all / 10);
  now_ += 5'000;
  EXPECT_EQ(keys_of_a(), all);
}

TEST_F(TargetGroupTest, AUseMayOutliveItsGroup) {
  Make({TargetNamed("a"), TargetNamed("b")});
  TargetUse use = Choose();
  group_ = nullptr;
  EXPECT_EQ(use.target()->host, "a");
  EXPECT_FALSE(use.Failed(now_));
  use.End();
}

TEST_F(TargetGroupTest, TheOnlyTargetIsNeverEjected) {
  Make({TargetNamed("a")});
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(Choose().Failed(now_));
  EXPECT_TRUE(State("a").usable(now_));
}

}  // namespace
}  // namespace sallyport::dataplane
