#include "dataplane/sync/grpc/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sallyport/v1/distribution.pb.h"

namespace sallyport::dataplane {
namespace {

TEST(RouteFrom, Defaults) {
  v1::Route wire;
  wire.set_api_id("a");
  wire.mutable_token()->set_enabled(true);
  wire.add_targets()->set_url("https://up.example.com/base");
  const RoutePtr route = RouteFrom(wire);
  EXPECT_EQ(route->listen_path, "/");
  EXPECT_EQ(route->token.header_name, "authorization");
  EXPECT_EQ(route->token.query_name, "Authorization");
  EXPECT_TRUE(route->token.use_header);
  EXPECT_EQ(route->identity_header, "x-forwarded-client-cert");
  EXPECT_EQ(route->targets[0].weight, 1u);
  EXPECT_FALSE(route->broken);
  EXPECT_FALSE(route->CanUseCertificate());
}

TEST(RouteFrom, VirtualEndpoints) {
  v1::Route wire;
  wire.set_script_config_json(R"({"a":1})");
  v1::Endpoint* endpoint = wire.add_versions()->add_endpoints();
  endpoint->mutable_rule()->set_path("^/x$");
  endpoint->mutable_virtual_endpoint()->set_function("f");
  RoutePtr route = RouteFrom(wire);
  EXPECT_EQ(route->script_config_json, R"({"a":1})");
  const VirtualEndpoint* script =
      ChangesFor(route->versions[0].endpoints, "GET", "/x").virtual_endpoint;
  ASSERT_NE(script, nullptr);
  EXPECT_EQ(script->function, "f");
  EXPECT_EQ(script->timeout, absl::Seconds(5));
  EXPECT_EQ(script->memory_kib, 16'384u);
  EXPECT_EQ(ChangesFor(route->versions[0].endpoints, "GET", "/y").virtual_endpoint, nullptr);

  endpoint->mutable_virtual_endpoint()->set_timeout_ms(7);
  endpoint->mutable_virtual_endpoint()->set_memory_kib(2'048);
  endpoint->mutable_virtual_endpoint()->set_proxy_on_error(true);
  route = RouteFrom(wire);
  script = ChangesFor(route->versions[0].endpoints, "GET", "/x").virtual_endpoint;
  EXPECT_EQ(script->timeout, absl::Milliseconds(7));
  EXPECT_EQ(script->memory_kib, 2'048u);
  EXPECT_TRUE(script->proxy_on_error);
}

TEST(RouteFrom, WhatCannotBeReadRefuses) {
  v1::Route wire;
  wire.add_targets()->set_url("ftp://x");
  EXPECT_TRUE(RouteFrom(wire)->broken);

  v1::Route ip;
  ip.mutable_ip()->add_deny("not an address");
  EXPECT_TRUE(RouteFrom(ip)->ip.broken);

  v1::Route version;
  version.add_versions()->set_override_target("nonsense");
  EXPECT_TRUE(RouteFrom(version)->versions[0].override_broken);

  v1::Route place;
  place.mutable_versioning()->set_enabled(true);
  place.mutable_versioning()->set_location("moon");
  EXPECT_TRUE(RouteFrom(place)->broken);

  v1::Route mtls;
  mtls.set_static_mtls(static_cast<v1::Requirement>(99));
  EXPECT_EQ(RouteFrom(mtls)->static_mtls, Requirement::kMandatory);

  v1::Route port;
  port.set_listen_port(70'000);
  EXPECT_TRUE(RouteFrom(port)->broken);
}

v1::Route StreamRoute(const std::string& protocol) {
  v1::Route wire;
  wire.set_api_id("s");
  wire.set_protocol(protocol);
  wire.set_listen_port(5432);
  wire.set_keyless(true);
  wire.set_upstream_protocol("auto");  // the gateway's, of HTTP
  wire.add_targets()->set_url("tls://db:1");
  wire.add_targets()->set_url("tcp://db:1");
  return wire;
}

TEST(RouteFrom, Streams) {
  for (const auto& [name, protocol] :
       {std::pair("tls", ApiProtocol::kTls), std::pair("tcp", ApiProtocol::kTcp)}) {
    v1::Route wire = StreamRoute(name);
    wire.set_listen_path("/x");
    wire.set_proxy_protocol(true);
    const RoutePtr route = RouteFrom(wire);
    EXPECT_FALSE(route->broken) << name;
    EXPECT_EQ(route->protocol, protocol);
    EXPECT_TRUE(route->proxy_protocol);
    EXPECT_EQ(route->listen_path, "/");
    ASSERT_EQ(route->targets.size(), 2u);
    EXPECT_EQ(route->targets[0].protocol, UpstreamProtocol::kHttp1) << "nothing is agreed on";
  }
}

TEST(RouteFrom, StreamsThatCannotBeServedAreBroken) {
  const auto broken = [](const char* protocol, auto change) {
    v1::Route wire = StreamRoute(protocol);
    change(&wire);
    return RouteFrom(wire)->broken;
  };
  const auto nothing = [](v1::Route*) {};
  EXPECT_TRUE(broken("quic", nothing)) << "this build does not know it";
  EXPECT_FALSE(RouteFrom(StreamRoute("quic"))->IsHttp());
  EXPECT_TRUE(broken("http", nothing)) << "targets of another protocol";
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->clear_listen_port(); }));
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->mutable_token()->set_enabled(true); }));
  EXPECT_TRUE(broken("tls", [](v1::Route* wire) { wire->add_targets()->set_url("http://a/"); }));
  EXPECT_TRUE(broken("tcp", [](v1::Route* wire) { wire->set_dynamic_mtls(true); }));
}

TEST(RouteFrom, EachTargetIsSpokenToAsItCanBe) {
  using enum UpstreamProtocol;
  const struct {
    const char* protocol;
    const char* url;
    UpstreamProtocol wanted;
    bool broken;
  } cases[] = {
      {"", "https://h/", kHttp1, false},    {"", "http://h/", kHttp1, false},
      {"", "h2c://h/", kHttp2, false},      {"http1", "https://h/", kHttp1, false},
      {"auto", "https://h/", kAuto, false}, {"auto", "http://h/", kHttp1, false},
      {"auto", "h2c://h/", kHttp2, false},  {"h2", "https://h/", kHttp2, false},
      {"h2", "http://h/", kHttp1, true},    {"h2", "h2c://h/", kHttp2, false},
      {"h2c", "http://h/", kHttp2, false},  {"h2c", "https://h/", kHttp1, true},
      {"moon", "https://h/", kHttp1, true},
  };
  for (const auto& one : cases) {
    v1::Route wire;
    wire.set_upstream_protocol(one.protocol);
    wire.add_targets()->set_url(one.url);
    wire.add_versions()->set_override_target(one.url);
    const RoutePtr route = RouteFrom(wire);
    EXPECT_EQ(route->broken, one.broken) << one.protocol << " " << one.url;
    EXPECT_EQ(route->versions[0].override_broken, one.broken) << one.protocol << " " << one.url;
    EXPECT_EQ(route->targets[0].protocol, one.wanted) << one.protocol << " " << one.url;
    EXPECT_EQ(route->targets[0].port, one.url[4] == 's' ? 443 : 80);
    if (!one.broken) EXPECT_EQ(route->versions[0].override_target->protocol, one.wanted);
  }
}

TEST(RouteFrom, AForwardProxyLeadsToEveryTarget) {
  v1::Route wire;
  wire.add_targets()->set_url("https://a/");
  wire.add_targets()->set_url("http://b/");
  wire.add_versions()->set_override_target("h2c://c/");
  EXPECT_EQ(RouteFrom(wire)->targets[0].proxy, "");
  wire.set_forward_proxy("proxy:3128");
  const RoutePtr route = RouteFrom(wire);
  EXPECT_EQ(route->targets[0].proxy, "proxy:3128");
  EXPECT_EQ(route->targets[1].proxy, "proxy:3128");
  EXPECT_EQ(route->versions[0].override_target->proxy, "proxy:3128");
}

TEST(RouteFrom, UpstreamRulesHaveDefaults) {
  const RoutePtr route = RouteFrom(v1::Route());
  EXPECT_EQ(route->balancing.policy, BalancingRules::Policy::kRoundRobin);
  EXPECT_EQ(route->balancing.panic_percent, 10u);
  EXPECT_TRUE(route->retries.enabled);
  EXPECT_EQ(route->retries.max_targets, 3u);
  EXPECT_EQ(route->retries.budget_percent, 20u);
  EXPECT_TRUE(route->ejection.enabled);
  EXPECT_EQ(route->ejection.base, absl::Seconds(5));
  EXPECT_FALSE(route->health_check.enabled);
  EXPECT_EQ(route->target_limits, TargetLimits());
}

TEST(RouteFrom, UpstreamRulesAreTaken) {
  v1::Route wire;
  wire.mutable_balancing()->set_policy("consistent_hash");
  wire.mutable_balancing()->set_hash_on("header");
  wire.mutable_balancing()->set_hash_name("X-User");
  wire.mutable_balancing()->set_load_percent(150);
  wire.mutable_retries()->set_disabled(true);
  wire.mutable_ejection()->set_failures(2);
  wire.mutable_health_check()->set_enabled(true);
  wire.mutable_health_check()->set_path("/up");
  wire.mutable_health_check()->set_method("HEAD");
  wire.mutable_health_check()->set_interval_ms(700);
  wire.mutable_health_check()->add_statuses(204);
  wire.mutable_upstream_limits()->set_max_connections(3);
  wire.mutable_timeouts()->set_total_ms(900);
  const RoutePtr route = RouteFrom(wire);
  EXPECT_FALSE(route->broken);
  EXPECT_EQ(route->balancing.policy, BalancingRules::Policy::kConsistentHash);
  EXPECT_EQ(route->balancing.hash_on, BalancingRules::HashOn::kHeader);
  EXPECT_EQ(route->balancing.hash_name, "x-user");
  EXPECT_EQ(route->balancing.load_percent, 150u);
  EXPECT_FALSE(route->retries.enabled);
  EXPECT_EQ(route->ejection.failures, 2u);
  EXPECT_TRUE(route->health_check.enabled);
  EXPECT_TRUE(route->health_check.head);
  EXPECT_EQ(route->health_check.path, "/up");
  EXPECT_EQ(route->health_check.interval, absl::Milliseconds(700));
  EXPECT_EQ(route->health_check.statuses, std::vector<uint32_t>{204});
  EXPECT_EQ(route->target_limits.max_connections, 3u);
  EXPECT_EQ(route->timeouts.total, absl::Milliseconds(900));
}

TEST(RouteFrom, UpstreamRulesThatCannotBeFollowedRefuse) {
  v1::Route policy;
  policy.mutable_balancing()->set_policy("moon");
  EXPECT_TRUE(RouteFrom(policy)->broken);
  v1::Route hash;
  hash.mutable_balancing()->set_policy("consistent_hash");
  hash.mutable_balancing()->set_hash_on("body");
  EXPECT_TRUE(RouteFrom(hash)->broken);
  for (const char* path : {"up", "/a b", "/a\r\nX: y"}) {
    v1::Route check;
    check.mutable_health_check()->set_path(path);
    EXPECT_TRUE(RouteFrom(check)->broken) << path;
  }
}

TEST(RouteFrom, NoIdentityHeader) {
  v1::Route wire;
  wire.set_identity_header("-");
  EXPECT_EQ(RouteFrom(wire)->identity_header, "");
  wire.set_identity_header("X-Caller");
  EXPECT_EQ(RouteFrom(wire)->identity_header, "x-caller");
}

TEST(RouteFrom, IdentityForwarding) {
  v1::Route wire;
  EXPECT_EQ(RouteFrom(wire)->identity.xfcc, XfccMode::kSanitizeSet);
  v1::IdentityForwarding* from = wire.mutable_identity_forwarding();
  from->set_xfcc(v1::XFCC_APPEND_FORWARD);
  from->add_xfcc_fields("uri");
  from->set_client_cert(true);
  (*from->mutable_headers())["X-Id"] = "{identity}";
  auto& set = *wire.add_versions()->mutable_request_headers()->mutable_set();
  set["x_id"] = "root";
  set["X-Other"] = "kept";
  const RoutePtr route = RouteFrom(wire);
  EXPECT_FALSE(route->broken);
  EXPECT_EQ(route->identity.xfcc, XfccMode::kAppendForward);
  EXPECT_TRUE(route->identity.parts.uri);
  EXPECT_FALSE(route->identity.parts.hash);
  EXPECT_TRUE(route->identity.client_cert);
  EXPECT_THAT(route->identity_names, ::testing::ElementsAre("x-forwarded-client-cert", "X-Id"));
  ASSERT_EQ(route->versions[0].request_headers.set.size(), 1U);
  EXPECT_EQ(route->versions[0].request_headers.set[0].first, "X-Other");
}

// Forwarding without what the operator asked for would let callers in as nobody.
TEST(RouteFrom, IdentityForwardingThatCannotBeFollowedRefuses) {
  v1::Route mode;
  mode.mutable_identity_forwarding()->set_xfcc(static_cast<v1::Xfcc>(77));
  EXPECT_TRUE(RouteFrom(mode)->broken);
  v1::Route field;
  field.mutable_identity_forwarding()->add_xfcc_fields("new");
  EXPECT_TRUE(RouteFrom(field)->broken);
  for (const char* text : {"{new.fact}", "{identity", "a\r\nb{identity}"}) {
    v1::Route wire;
    (*wire.mutable_identity_forwarding()->mutable_headers())["X-Id"] = text;
    EXPECT_TRUE(RouteFrom(wire)->broken) << text;
  }
  v1::Route name;
  (*name.mutable_identity_forwarding()->mutable_headers())["X:Id"] = "{identity}";
  EXPECT_TRUE(RouteFrom(name)->broken);
}

}  // namespace
}  // namespace sallyport::dataplane
