#include "authsvc/change/upstream_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Refusal(const std::function<void(v1::Upstream*)>& change) {
  v1::Upstream upstream;
  upstream.add_targets()->set_url("https://a.example/");
  upstream.add_targets()->set_url("https://b.example/");
  change(&upstream);
  Warnings warnings;
  return std::string(CheckUpstreamRules(upstream, &warnings).message());
}

TEST(UpstreamChecks, TakesDefaultsAndFullSettings) {
  EXPECT_EQ(Refusal([](v1::Upstream*) {}), "");
  EXPECT_EQ(Refusal([](v1::Upstream* upstream) {
              v1::Balancing* balancing = upstream->mutable_balancing();
              balancing->set_policy("consistent_hash");
              balancing->set_hash_on("header");
              balancing->set_hash_name("X-User");
              balancing->set_load_percent(125);
              balancing->set_panic_percent(50);
              balancing->set_slow_start_ms(30'000);
              upstream->mutable_retries()->set_max_targets(5);
              upstream->mutable_ejection()->set_base_ms(1'000);
              upstream->mutable_ejection()->set_max_ms(10'000);
              v1::HealthCheck* check = upstream->mutable_health_check();
              check->set_enabled(true);
              check->set_path("/healthz?full=1");
              check->set_method("HEAD");
              check->add_statuses(204);
              upstream->mutable_limits()->set_max_connections(10);
              upstream->mutable_limits()->set_max_pending(5);
              upstream->mutable_timeouts()->set_total_ms(30'000);
            }),
            "");
}

TEST(UpstreamChecks, AProtocolFitsItsTargets) {
  const auto told = [](const char* protocol, const char* url) {
    return std::string(CheckUpstreamProtocol(protocol, url).message());
  };
  for (const char* const protocol : {"", "http1", "auto"}) {
    for (const char* const url : {"https://h/", "http://h/", "h2c://h/"})
      EXPECT_EQ(told(protocol, url), "");
  }
  EXPECT_EQ(told("h2", "https://h/"), "");
  EXPECT_EQ(told("h2", "h2c://h/"), "");
  EXPECT_THAT(told("h2", "http://h/"), HasSubstr("needs https://"));
  EXPECT_EQ(told("h2c", "http://h/"), "");
  EXPECT_THAT(told("h2c", "https://h/"), HasSubstr("needs http://"));
  EXPECT_THAT(told("HTTP2", "https://h/"), HasSubstr("must be http1, auto, h2 or h2c"));
}

TEST(UpstreamChecks, RefusesBalancingThatCannotBeFollowed) {
  const auto balancing = [](const std::function<void(v1::Balancing*)>& change) {
    return Refusal([&](v1::Upstream* upstream) { change(upstream->mutable_balancing()); });
  };
  EXPECT_THAT(balancing([](v1::Balancing* b) { b->set_policy("random"); }),
              HasSubstr("policy `random`"));
  EXPECT_THAT(balancing([](v1::Balancing* b) { b->set_hash_on("header"); }),
              HasSubstr("for policy consistent_hash"));
  EXPECT_THAT(balancing([](v1::Balancing* b) { b->set_load_percent(120); }),
              HasSubstr("for policy consistent_hash"));
  EXPECT_THAT(balancing([](v1::Balancing* b) { b->set_policy("consistent_hash"); }),
              HasSubstr("hash_on ``"));
  const auto hash = [&](const std::function<void(v1::Balancing*)>& change) {
    return balancing([&](v1::Balancing* b) {
      b->set_policy("consistent_hash");
      change(b);
    });
  };
  EXPECT_THAT(hash([](v1::Balancing* b) { b->set_hash_on("body"); }), HasSubstr("hash_on `body`"));
  EXPECT_THAT(hash([](v1::Balancing* b) { b->set_hash_on("cookie"); }), HasSubstr("is required"));
  EXPECT_THAT(hash([](v1::Balancing* b) {
                b->set_hash_on("header");
                b->set_hash_name("a b");
              }),
              HasSubstr("hash_name"));
  EXPECT_THAT(hash([](v1::Balancing* b) {
                b->set_hash_on("identity");
                b->set_hash_name("x");
              }),
              HasSubstr("is for hash_on header or cookie"));
  EXPECT_THAT(hash([](v1::Balancing* b) {
                b->set_hash_on("identity");
                b->set_load_percent(100);
              }),
              HasSubstr("above 100"));
  EXPECT_THAT(balancing([](v1::Balancing* b) { b->set_panic_percent(101); }),
              HasSubstr("panic_percent"));
}

TEST(UpstreamChecks, RefusesNumbersOutOfRange) {
  EXPECT_THAT(Refusal([](v1::Upstream* u) { u->mutable_retries()->set_max_targets(21); }),
              HasSubstr("max_targets"));
  EXPECT_THAT(Refusal([](v1::Upstream* u) { u->mutable_retries()->set_budget_percent(101); }),
              HasSubstr("budget_percent"));
  EXPECT_THAT(Refusal([](v1::Upstream* u) { u->mutable_ejection()->set_base_ms(1); }),
              HasSubstr("base_ms"));
  EXPECT_THAT(Refusal([](v1::Upstream* u) {
                u->mutable_ejection()->set_base_ms(2'000);
                u->mutable_ejection()->set_max_ms(1'000);
              }),
              HasSubstr("greater than max_ms"));
  EXPECT_THAT(Refusal([](v1::Upstream* u) { u->mutable_limits()->set_max_pending(1); }),
              HasSubstr("without max_connections"));
  EXPECT_THAT(Refusal([](v1::Upstream* u) { u->mutable_timeouts()->set_connect_ms(1); }),
              HasSubstr("connect_ms"));
}

TEST(UpstreamChecks, RefusesHealthChecksThatAreNoRequest) {
  const auto check = [](const std::function<void(v1::HealthCheck*)>& change) {
    return Refusal([&](v1::Upstream* upstream) { change(upstream->mutable_health_check()); });
  };
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_path("health"); }),
              HasSubstr("must start with /"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_path("/a b"); }), HasSubstr("blank"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_path("/a\r\nX: y"); }), HasSubstr("blank"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_path("/a#b"); }), HasSubstr("fragment"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_method("DELETE"); }), HasSubstr("GET or HEAD"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->add_statuses(99); }), HasSubstr("statuses"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_interval_ms(10); }), HasSubstr("interval_ms"));
  EXPECT_THAT(check([](v1::HealthCheck* c) { c->set_timeout_ms(100'000); }),
              HasSubstr("timeout_ms"));
}

TEST(UpstreamChecks, WarnsThatOneTargetIsNeverLeftOut) {
  v1::Upstream upstream;
  upstream.add_targets()->set_url("https://a.example/");
  upstream.mutable_health_check()->set_enabled(true);
  Warnings warnings;
  EXPECT_TRUE(CheckUpstreamRules(upstream, &warnings).ok());
  EXPECT_EQ(warnings.size(), 1u);
  upstream.add_targets()->set_url("https://b.example/");
  warnings.clear();
  EXPECT_TRUE(CheckUpstreamRules(upstream, &warnings).ok());
  EXPECT_THAT(warnings, IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc
