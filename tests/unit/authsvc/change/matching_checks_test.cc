#include "authsvc/change/matching_checks.h"

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace sallyport::authsvc {
namespace {

v1::Api Api() {
  v1::Api api;
  api.add_hosts("h.test");
  api.set_listen_path("/a");
  api.mutable_matching()->set_path_match("exact");
  return api;
}

v1::MatchCondition* Condition(v1::Api* api, const char* variable, const char* name, const char* op,
                              const char* value) {
  v1::MatchCondition* const condition = api->mutable_matching()->add_conditions();
  condition->set_variable(variable);
  condition->set_name(name);
  condition->set_operator_(op);
  condition->add_values(value);
  return condition;
}

std::string Said(const v1::Api& api) { return std::string(CheckMatching(api).message()); }

TEST(MatchingChecks, WhatIsRight) {
  EXPECT_EQ(Said(v1::Api()), "");
  v1::Api api = Api();
  api.mutable_matching()->add_methods("GET");
  api.mutable_matching()->set_host_tier(2);
  api.set_org_id("apisix");
  Condition(&api, "header", "X-A", "in", "1");
  Condition(&api, "path", "", "matches", "^/x");
  Condition(&api, "client_address", "", "address_in", "192.0.2.0/24");
  EXPECT_EQ(Said(api), "");
}

TEST(MatchingChecks, WhatIsWrongIsNamed) {
  const auto said = [](auto&& change) {
    v1::Api api = Api();
    change(&api);
    return Said(api);
  };
  const auto has = [](const std::string& text, const char* part) {
    EXPECT_TRUE(absl::StrContains(text, part)) << text;
  };
  has(said([](v1::Api* api) { api->mutable_matching()->set_path_match("regex"); }), "path_match");
  has(said([](v1::Api* api) { api->set_loose_prefix(true); }), "loose_prefix");
  has(said([](v1::Api* api) { api->set_strip_listen_path(true); }), "strip_listen_path");
  has(said([](v1::Api* api) { api->set_protocol("tcp"); }), "HTTP alone");
  has(said([](v1::Api* api) { api->mutable_matching()->add_methods(""); }), "empty method");
  has(said([](v1::Api* api) { api->mutable_matching()->add_methods("GE T"); }), "not a valid name");
  has(said([](v1::Api* api) { api->mutable_matching()->set_host_tier(3); }), "host_tier");
  has(said([](v1::Api* api) {
        api->mutable_matching()->set_host_tier(1);
        api->set_org_id("apisix");
        api->clear_hosts();
      }),
      "host_tier needs hosts");
  has(said([](v1::Api* api) {
        api->mutable_matching()->set_host_tier(1);
        api->set_org_id("apisix");
        api->add_hosts("{a:b}.test");
      }),
      "regular expression");
  has(said([](v1::Api* api) { api->mutable_matching()->set_host_tier(1); }),
      "only for APIs of the organisation apisix");
  has(said([](v1::Api* api) { Condition(api, "body", "", "in", "1"); }), "variable `body`");
  has(said([](v1::Api* api) { Condition(api, "header", "", "in", "1"); }), "needs a name");
  has(said([](v1::Api* api) { Condition(api, "path", "x", "in", "1"); }), "has no name");
  has(said([](v1::Api* api) { Condition(api, "path", "", "like", "1"); }), "operator `like`");
  has(said([](v1::Api* api) { Condition(api, "path", "", "matches", "("); }), "regular expression");
  has(said([](v1::Api* api) { Condition(api, "path", "", "in", "1")->clear_values(); }),
      "without values");
  has(said([](v1::Api* api) { Condition(api, "client_address", "", "address_in", "x"); }),
      "matching");
  has(said([](v1::Api* api) {
        for (int i = 0; i < 65; ++i) Condition(api, "path", "", "in", "1");
      }),
      "more than 64");
}

TEST(MatchingChecks, TheHostThatTargetsAreTold) {
  v1::Upstream upstream;
  upstream.set_host_header("inner.test:80");
  EXPECT_TRUE(CheckHostHeader(upstream).ok());
  upstream.set_preserve_host_header(true);
  EXPECT_FALSE(CheckHostHeader(upstream).ok());
  upstream.set_preserve_host_header(false);
  for (const char* const wrong : {"a b", "a\r\nX: y", "http://a", "a/b"}) {
    upstream.set_host_header(wrong);
    EXPECT_FALSE(CheckHostHeader(upstream).ok()) << wrong;
  }
}

}  // namespace
}  // namespace sallyport::authsvc
