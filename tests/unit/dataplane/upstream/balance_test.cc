#include "dataplane/upstream/balance.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

RouteTarget Named(const std::string& host) {
  RouteTarget target;
  target.scheme = "https";
  target.host = host;
  target.port = 443;
  return target;
}

class RouteBalancersTest : public ::testing::Test {
 protected:
  UpstreamTargetPtr Next(const RoutePtr& route, const RouteTarget* other = nullptr) {
    TargetGroup* const group = balancers_.Of(route, other);
    return group == nullptr ? nullptr : group->Choose(std::nullopt, {}, 0).target();
  }
  TargetRegistry registry_;
  RouteBalancers balancers_{registry_};
};

TEST_F(RouteBalancersTest, TargetsOverridesAndReplacedRoutes) {
  auto route = std::make_shared<Route>();
  route->targets = {Named("a"), Named("b")};
  RouteVersion version;
  version.override_target = Named("c");
  route->versions = {version};
  const UpstreamTargetPtr first = Next(route);
  EXPECT_EQ(first->host, "a");
  EXPECT_TRUE(first->tls);
  EXPECT_EQ(Next(route)->host, "b");
  EXPECT_EQ(Next(route), first) << "the same object each time: the pool knows it by it";
  const RouteTarget* const beside = &*route->versions[0].override_target;
  const UpstreamTargetPtr override_target = Next(route, beside);
  EXPECT_EQ(override_target->host, "c");
  EXPECT_EQ(Next(route, beside), override_target);

  for (int i = 0; i < 1000; ++i) {  // addresses are used again; the old answer must not be
    auto other = std::make_shared<Route>();
    other->targets = {Named(absl::StrCat("h", i))};
    EXPECT_EQ(Next(other)->host, absl::StrCat("h", i));
  }
}

TEST_F(RouteBalancersTest, BrokenGivesNothing) {
  auto route = std::make_shared<Route>();
  route->targets = {Named("a")};
  route->broken = true;
  EXPECT_EQ(Next(route), nullptr);
  EXPECT_EQ(Next(std::make_shared<Route>()), nullptr) << "no target";
}

TEST_F(RouteBalancersTest, StatesAreSharedAcrossChangesOfTheApiAndLoopsAndGoWithTheLastRoute) {
  auto route = std::make_shared<Route>();
  route->api_id = "api";
  route->targets = {Named("a"), Named("b")};
  (void)Next(route);
  auto changed = std::make_shared<Route>(*route);
  RouteBalancers other_loop(registry_);
  const TargetUse here = balancers_.Of(route, nullptr)->Choose(std::nullopt, {}, 0);
  TargetUse there = other_loop.Of(changed, nullptr)->Choose(std::nullopt, {}, 0);
  while (there.index() != here.index())
    there = other_loop.Of(changed, nullptr)->Choose(std::nullopt, {}, 0);
  EXPECT_EQ(&here.state(), &there.state());

  auto other_api = std::make_shared<Route>(*route);
  other_api->api_id = "other";
  const TargetUse other = balancers_.Of(other_api, nullptr)->Choose(std::nullopt, {}, 0);
  EXPECT_NE(&other.state(), &here.state()) << "each API has certificates of its own";
  EXPECT_EQ(registry_.CountAll(0).size(), 2u);
  other_api = nullptr;
  balancers_.Sweep();
  EXPECT_EQ(registry_.CountAll(0).size(), 2u) << "a request is still there";
}

TEST_F(RouteBalancersTest, SweepLetsGoOfRoutesThatAreGone) {
  auto route = std::make_shared<Route>();
  route->api_id = "api";
  route->targets = {Named("a"), Named("b")};
  (void)Next(route);
  balancers_.Sweep();
  ASSERT_EQ(registry_.CountAll(0).size(), 1u);
  EXPECT_EQ(registry_.CountAll(0)[0].usable, 2);
  route = nullptr;
  balancers_.Sweep();
  EXPECT_TRUE(registry_.CountAll(0).empty());
}

}  // namespace
}  // namespace sallyport::dataplane
