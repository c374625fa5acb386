#include "dataplane/listen/listener_plan.h"

#include <gtest/gtest.h>

#include "dataplane/listen/acceptor.h"

namespace sallyport::dataplane {
namespace {

GatewayView ViewWithPort(uint16_t port) {
  auto route = std::make_shared<Route>();
  route->api_id = "a";
  route->listen_port = port;
  GatewayView view;
  view.routes = RouteTable::Empty({8443})->With({route}, {});
  return view;
}

TEST(PlanListeners, OneDefaultWhenNothingIsNamed) {
  const auto plan = PlanListeners({}, ViewWithPort(0));
  ASSERT_EQ(plan.size(), 1u);
  EXPECT_EQ(plan[0].port, 8443);
  EXPECT_EQ(plan[0].route_port, 0);
  EXPECT_FALSE(plan[0].plain);
}

TEST(PlanListeners, FileWinsOverAuthsvcAtTheSamePlace) {
  config::DataplaneConfig config;
  config.listeners.push_back({});
  config.listeners[0].id = "mine";
  config.listeners[0].port = 9000;
  GatewayView view = ViewWithPort(0);
  ListenerSpec same;
  same.id = "theirs";
  same.address = "::";
  same.port = 9000;
  same.plain = true;
  ListenerSpec other = same;
  other.id = "other";
  other.port = 9001;
  other.http2 = false;
  other.proxy_protocol_from = {"10.0.0.0/8"};
  view.listeners = {same, other};
  const auto plan = PlanListeners(config, view);
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[0].id, "mine");
  EXPECT_FALSE(plan[0].plain);
  EXPECT_EQ(plan[1].id, "other");
  EXPECT_FALSE(plan[1].http2);
  EXPECT_EQ(plan[1].proxy_protocol_from, std::vector<std::string>{"10.0.0.0/8"});
  config.listeners_from_authsvc = false;
  EXPECT_EQ(PlanListeners(config, view).size(), 1u);
}

TEST(PlanListeners, PortsOfDefinitionsAreOpenedWithTls) {
  config::DataplaneConfig config;
  config.listeners.push_back({});
  config.listeners[0].plain = true;
  config.listeners[0].port = 8080;
  const auto plan = PlanListeners(config, ViewWithPort(9443));
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[1].port, 9443);
  EXPECT_EQ(plan[1].route_port, 9443);
  EXPECT_FALSE(plan[1].plain) << "a definition's port is never plain by accident";
}

TEST(OpenListener, SaysWhatToDo) {
  EXPECT_FALSE(OpenListener("localhost", 1).ok());
  const auto unknown = OpenListener("192.0.2.1", 12345);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.status().message().find("no such address"), absl::string_view::npos);
}

}  // namespace
}  // namespace sallyport::dataplane
