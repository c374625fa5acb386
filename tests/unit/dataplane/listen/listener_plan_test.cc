#include "dataplane/listen/listener_plan.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/listen/listening_socket.h"

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
  EXPECT_EQ(plan[0].route_place, 0);
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

TEST(PlanListeners, VersionsOfTheGatewayAreOfListenersThatSayNothing) {
  config::DataplaneConfig config;
  config.listeners.resize(3);
  for (size_t i = 0; i < config.listeners.size(); ++i)
    config.listeners[i].port = static_cast<uint16_t>(9000 + i);
  config.listeners[1].max_version = "1.2";
  config.listeners[2].min_version = "1.2";
  GatewayView view = ViewWithPort(0);
  ListenerSpec spec;
  spec.id = "theirs";
  spec.port = 9010;
  view.listeners = {spec};
  const auto versions = [&] {
    std::vector<std::string> texts;
    for (const PlannedListener& one : PlanListeners(config, view))
      texts.push_back(one.min_version + "-" + one.max_version);
    return texts;
  };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(versions(), (Texts{"1.2-1.3", "1.2-1.2", "1.2-1.3", "1.2-1.3"}));
  view.gateway.server_min_version = "1.3";
  EXPECT_EQ(versions(), (Texts{"1.3-1.3", "1.2-1.2", "1.2-1.3", "1.3-1.3"}));
  view.gateway.server_min_version = "";
  view.gateway.server_max_version = "1.2";
  EXPECT_EQ(versions(), (Texts{"1.2-1.2", "1.2-1.2", "1.2-1.2", "1.2-1.2"}));
}

TEST(PlanListeners, PortsOfDefinitionsAreOpenedWithTls) {
  config::DataplaneConfig config;
  config.listeners.push_back({});
  config.listeners[0].plain = true;
  config.listeners[0].port = 8080;
  const auto plan = PlanListeners(config, ViewWithPort(9443));
  ASSERT_EQ(plan.size(), 2u);
  EXPECT_EQ(plan[1].port, 9443);
  EXPECT_EQ(plan[1].route_place, 9443);
  EXPECT_FALSE(plan[1].plain) << "a definition's port is never plain by accident";
}

RoutePtr StreamApi(const std::string& id, uint16_t port, ApiProtocol protocol,
                   bool proxied = false) {
  auto route = std::make_shared<Route>();
  route->api_id = id;
  route->hosts = {id + ".example"};
  route->listen_port = port;
  route->protocol = protocol;
  route->proxy_protocol = proxied;
  return route;
}

class PlanStreamsTest : public ::testing::Test {
 protected:
  PlanStreamsTest() {
    config_.tcp_apis.address = "127.0.0.1";
    config_.tcp_apis.ranges = {{5000, 5009}};
  }
  StreamPlan Plan(const std::vector<RoutePtr>& routes) const {
    GatewayView view;
    view.routes = RouteTable::Empty({8443})->With(routes, {});
    return PlanStreams(config_, view, PlanListeners(config_, view));
  }
  // The state of the only port, which stays closed.
  std::string Closed(const std::vector<RoutePtr>& routes) const {
    const StreamPlan plan = Plan(routes);
    EXPECT_TRUE(plan.listeners.empty());
    EXPECT_EQ(plan.problems.size(), 1u);
    return plan.problems.empty() ? "" : std::string(plan.problems[0].state);
  }
  config::DataplaneConfig config_;
};

TEST_F(PlanStreamsTest, OpensWhatTheMachineAllows) {
  const StreamPlan plan =
      Plan({StreamApi("a", 5000, ApiProtocol::kTls), StreamApi("b", 5000, ApiProtocol::kTls),
            StreamApi("c", 5009, ApiProtocol::kTcp)});
  EXPECT_TRUE(plan.problems.empty());
  ASSERT_EQ(plan.listeners.size(), 2u);
  const PlannedListener& tls = plan.listeners[0];
  EXPECT_EQ(tls.id, "tcp-5000");
  EXPECT_EQ(tls.address, "127.0.0.1");
  EXPECT_EQ(tls.route_place, StreamPlace(5000));
  EXPECT_TRUE(tls.streams);
  EXPECT_FALSE(tls.plain || tls.http2);
  EXPECT_TRUE(plan.listeners[1].plain);
  EXPECT_TRUE(plan.listeners[1].streams);
}

TEST_F(PlanStreamsTest, NothingIsAllowedByDefault) {
  config_.tcp_apis = {};
  EXPECT_EQ(Closed({StreamApi("a", 5000, ApiProtocol::kTcp)}), "not_allowed");
}

TEST_F(PlanStreamsTest, ClosesWhatIsNotAllowedOrAnothers) {
  EXPECT_EQ(Closed({StreamApi("a", 4999, ApiProtocol::kTls)}), "not_allowed");
  EXPECT_EQ(Closed({StreamApi("a", 5010, ApiProtocol::kTls)}), "not_allowed");
  EXPECT_EQ(Closed({StreamApi("a", 0, ApiProtocol::kTls)}), "conflict");
  EXPECT_EQ(
      Closed({StreamApi("a", 5000, ApiProtocol::kTcp), StreamApi("b", 5000, ApiProtocol::kTcp)}),
      "conflict");
  EXPECT_EQ(
      Closed({StreamApi("a", 5000, ApiProtocol::kTcp), StreamApi("b", 5000, ApiProtocol::kTls)}),
      "conflict");
  auto http = std::make_shared<Route>();
  http->api_id = "http";
  http->listen_port = 5000;
  EXPECT_EQ(Closed({StreamApi("a", 5000, ApiProtocol::kTls), http}), "conflict");
  config_.tcp_apis.ranges.push_back({8443, 8443});
  EXPECT_EQ(Closed({StreamApi("a", 8443, ApiProtocol::kTls)}), "conflict")
      << "the default listener";
}

TEST_F(PlanStreamsTest, AnnouncedClientsNeedWhoMayAnnounceThem) {
  EXPECT_EQ(Closed({StreamApi("a", 5000, ApiProtocol::kTls, true)}), "not_allowed");
  config_.tcp_apis.proxy_protocol_from = {"10.0.0.0/8"};
  EXPECT_EQ(Closed({StreamApi("a", 5000, ApiProtocol::kTls, true),
                    StreamApi("b", 5000, ApiProtocol::kTls, false)}),
            "conflict");
  const StreamPlan plan = Plan({StreamApi("a", 5000, ApiProtocol::kTls, true),
                                StreamApi("b", 5001, ApiProtocol::kTls, false)});
  ASSERT_EQ(plan.listeners.size(), 2u);
  EXPECT_EQ(plan.listeners[0].proxy_protocol_from, config_.tcp_apis.proxy_protocol_from);
  EXPECT_TRUE(plan.listeners[1].proxy_protocol_from.empty());
}

TEST(OpenListener, WhatIsAcceptedIsProbedWhenItIsSilent) {
  const int listener = *OpenListener("127.0.0.1", 0);
  sockaddr_in place = {};
  socklen_t size = sizeof(place);
  ASSERT_EQ(getsockname(listener, reinterpret_cast<sockaddr*>(&place), &size), 0);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&place), size), 0);
  int accepted = -1;
  while (accepted < 0) accepted = accept(listener, nullptr, nullptr);  // it does not block
  const auto option = [accepted](int level, int name) {
    int value = 0;
    socklen_t bytes = sizeof(value);
    EXPECT_EQ(getsockopt(accepted, level, name, &value, &bytes), 0);
    return value;
  };
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), 60);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), 20);
  EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), 3);
  for (const int fd : {listener, client, accepted}) close(fd);
}

TEST(OpenListener, SaysWhatToDo) {
  EXPECT_FALSE(OpenListener("localhost", 1).ok());
  const auto unknown = OpenListener("192.0.2.1", 12345);
  ASSERT_FALSE(unknown.ok());
  EXPECT_NE(unknown.status().message().find("no such address"), absl::string_view::npos);
}

}  // namespace
}  // namespace sallyport::dataplane
