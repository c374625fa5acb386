#include "dataplane/listen/process_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Texts(const GatewayView& view, bool insecure_upstream) {
  std::vector<std::string> texts;
  for (const metrics::Sample& sample : InsecureSamples(view, insecure_upstream)) {
    EXPECT_EQ(sample.value, 1);
    texts.push_back(absl::StrCat(sample.labels.at(0), "|", sample.labels.at(1)));
  }
  return texts;
}

RoutePtr RouteWith(const std::string& id, std::vector<std::string> insecure) {
  auto route = std::make_shared<Route>();
  route->api_id = id;
  route->hosts = {id + ".test"};
  route->insecure_settings = std::move(insecure);
  return route;
}

TEST(InsecureSamples, EachSwitchInForceWithItsApiUntilItIsGone) {
  GatewayView view;
  view.routes = RouteTable::Empty()->With({RouteWith("a1", {"insecure_skip_verify", "allow_plain_http"}), RouteWith("a2", {})}, {});
  EXPECT_THAT(Texts(view, false), ElementsAre("insecure_skip_verify|a1", "allow_plain_http|a1"));
  view.gateway.insecure_settings = {"insecure_skip_verify"};
  EXPECT_THAT(Texts(view, true), ElementsAre("insecure_upstream|", "gateway: insecure_skip_verify|",
                                             "insecure_skip_verify|a1", "allow_plain_http|a1"));
  view.gateway.insecure_settings.clear();
  view.routes = view.routes->With({}, {"a1"});
  EXPECT_THAT(Texts(view, false), IsEmpty());
}

TEST(InsecureSamples, AreBounded) {
  std::vector<RoutePtr> routes;
  for (int i = 0; i < 1100; ++i) routes.push_back(RouteWith(absl::StrCat("a", i), {"allow_plain_http"}));
  GatewayView view;
  view.routes = RouteTable::Empty()->With(routes, {});
  EXPECT_EQ(InsecureSamples(view, true).size(), 1000u);
}

}  // namespace
}  // namespace sallyport::dataplane
