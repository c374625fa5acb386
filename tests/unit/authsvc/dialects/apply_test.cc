#include "authsvc/dialects/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;

ApplyPlan Plan(std::initializer_list<std::string> texts, absl::string_view as = "",
               absl::string_view set = "", bool prune = false) {
  v1::ApplyRequest request;
  int number = 0;
  for (const std::string& text : texts) {
    v1::Document* document = request.add_documents();
    document->set_name("file" + std::to_string(++number));
    document->set_content(text);
  }
  request.set_as(std::string(as));
  request.set_set(std::string(set));
  request.set_prune(prune);
  return PlanApply(request, TestOptions());
}

constexpr char kApi[] = R"({"api_id": "a1", "name": "n", "active": true, "use_keyless": true,
  "proxy": {"listen_path": "/", "target_url": "http://up/"}})";

TEST(PlanApply, ByKindOrShape) {
  const ApplyPlan plan = Plan({kApi,
                               "apiVersion: sallyport/v1\nkind: Policy\nid: p\n---\napiVersion: "
                               "sallyport/v1\nkind: Listener\nid: l\n",
                               R"({"id": "gold", "access_rights": {"a1": {"api_id": "a1"}}})",
                               R"({"security": {"certificates": {"apis": ["orgx"]}}})"},
                              "", "mine");
  EXPECT_FALSE(plan.refused);
  ASSERT_EQ(plan.results.size(), 5u);
  ASSERT_EQ(plan.puts.size(), 5u);
  EXPECT_EQ(plan.results[0].kind(), "Api");
  EXPECT_EQ(plan.results[3].id(), "gold");
  EXPECT_EQ(plan.results[4].kind(), "GatewaySettings");
  EXPECT_EQ(plan.puts[0].put.resource.set(), "mine");
  EXPECT_EQ(plan.puts[0].put.resource.dialect(), kTykClassic);
}

TEST(PlanApply, WhatMayBeTwoThingsIsNeither) {
  const char kBoth[] =
      R"({"api_id": "a1", "proxy": {"listen_path": "/", "target_url": "http://up/"},
    "x-tyk-api-gateway": {"info": {"name": "a"}}})";
  const ApplyPlan plan = Plan({kBoth});
  EXPECT_TRUE(plan.refused);
  EXPECT_THAT(plan.results[0].message(), HasSubstr("ambiguous"));
  EXPECT_THAT(plan.results[0].message(), HasSubstr("tyk-classic"));
  EXPECT_THAT(plan.results[0].message(), HasSubstr("tyk-oas"));
  EXPECT_THAT(Plan({kBoth}, "tyk-classic").results[0].message(), Not(HasSubstr("ambiguous")));
  // Each of these has something of another dialect, as it always has.
  for (const char* text :
       {R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {}, "security": [],
            "x-tyk-api-gateway": {"info": {"name": "a", "state": {"active": true}},
            "upstream": {"url": "http://up/"}, "server": {"listenPath": {"value": "/"}}}})",
        R"({"certificate": "orgc", "access_rights": {"a1": {"api_id": "a1"}}})",
        R"({"id": "p", "is_inactive": false, "partitions": {}, "access_rights": {}})"}) {
    EXPECT_THAT(Plan({text}).results[0].message(), Not(HasSubstr("ambiguous"))) << text;
  }
}

TEST(PlanApply, AListOfDefinitions) {
  const ApplyPlan plan = Plan({std::string("[") + kApi + "]"});
  EXPECT_FALSE(plan.refused);
  EXPECT_EQ(plan.puts.size(), 1u);
}

TEST(PlanApply, OneRefusalRefusesAll) {
  const ApplyPlan plan = Plan({kApi, "apiVersion: sallyport/v1\nkind: Policy\nidd: p\n"});
  EXPECT_TRUE(plan.refused);
  EXPECT_EQ(plan.results[0].outcome(), "");
  EXPECT_EQ(plan.results[1].outcome(), "refused");
  EXPECT_THAT(plan.results[1].message(), HasSubstr("file2"));
}

TEST(PlanApply, RefusalsAreNotListedForEver) {
  std::string text = "[{}";
  for (int i = 1; i < 3000; ++i) text += ",{}";
  const ApplyPlan plan = Plan({kApi, text + "]", "{\"broken\"", kApi});
  EXPECT_TRUE(plan.refused);
  EXPECT_EQ(plan.results.size(), 1002u);
  EXPECT_EQ(plan.results.back().message(), "further refusals are not listed");
  EXPECT_EQ(plan.results.back().outcome(), "refused");
}

TEST(PlanApply, TheSameObjectTwice) {
  const ApplyPlan plan = Plan({kApi, kApi});
  EXPECT_TRUE(plan.refused);
  EXPECT_THAT(plan.results[1].message(), HasSubstr("also defined at file1"));
}

TEST(PlanApply, WhatIsNotTaken) {
  for (const auto& [text, word] : std::initializer_list<std::pair<std::string, std::string>>{
           {"kind: Deployment\napiVersion: apps/v1\n", "Deployment"},
           {"apiVersion: sallyport/v2\nkind: Api\n", "sallyport/v1"},
           {"apiVersion: tyk.tyk.io/v1alpha1\nkind: ApiDefinition\n", "metadata.name"},
           {"apiVersion: tyk.tyk.io/v1alpha1\nkind: PortalConfig\n", "PortalConfig"},
           {R"({"openapi": "3.0.3", "x-tyk-api-gateway": {}})", "x-tyk-api-gateway.info"},
           {R"({"api_definition": {}})", "Dashboard"},
           {"hello: world\n", "not recognised"},
           {"just text", "must be an object"},
           {"{", "line 1"},
           {"# nothing\n", "holds no document"}}) {
    const ApplyPlan plan = Plan({text});
    EXPECT_TRUE(plan.refused) << text;
    EXPECT_THAT(plan.results[0].message(), HasSubstr(word)) << text;
  }
  EXPECT_TRUE(Plan({}).refused);
}

TEST(PlanApply, AllDocumentsShareOneBudgetOfValues) {
  std::string many = "[0";
  for (int i = 0; i < 300'000; ++i) many += ",0";
  many += "]";
  const std::string text = R"({"api_id": "a", "proxy": {}, "x": )" + many + "}";
  EXPECT_THAT(Plan({text}).results[0].message(), ::testing::Not(HasSubstr("more than")));
  const ApplyPlan plan = Plan({text, text});
  ASSERT_EQ(plan.results.size(), 2u);
  EXPECT_THAT(plan.results[1].message(), HasSubstr("more than"));
}

TEST(PlanApply, ForcedDialect) {
  EXPECT_THAT(Plan({"{}"}, "tyk-classic").results[0].message(), HasSubstr("api_id"));
  EXPECT_THAT(Plan({"{}"}, "apisix").results[0].message(), HasSubstr("no dialect"));
}

TEST(PlanApply, PruneNeedsASet) {
  EXPECT_TRUE(Plan({kApi}, "", "", true).refused);
  EXPECT_FALSE(Plan({kApi}, "", "mine", true).refused);
}

TEST(PlanApply, ASessionWithoutCertificateHasNoId) {
  const ApplyPlan plan = Plan({R"({"apply_policies": ["p"]})"});
  EXPECT_TRUE(plan.refused);
  EXPECT_THAT(plan.results[0].message(), HasSubstr("no id"));
}

TEST(PlanApply, CertificatesComeFirstAndOnce) {
  const auto pair = testing::CertBuilder("CN=c").SelfSign();
  nlohmann::json one = nlohmann::json::parse(kApi);
  one["use_mutual_tls_auth"] = true;
  one["client_certificates"] = {pair.Pem()};
  nlohmann::json two = one;
  two["api_id"] = "a2";
  const ApplyPlan plan = Plan({one.dump(), two.dump()});
  EXPECT_FALSE(plan.refused);
  ASSERT_EQ(plan.puts.size(), 3u);
  EXPECT_TRUE(plan.puts[0].put.resource.has_certificate());
  EXPECT_EQ(plan.results[plan.puts[1].result].id(), "a1");
}

TEST(PlanApply, WarningsStayWithTheirObject) {
  const ApplyPlan plan =
      Plan({R"({"api_id": "a1", "proxy": {"listen_path": "/", "target_url": "http://up/"}})"});
  ASSERT_EQ(plan.results.size(), 1u);
  EXPECT_GE(plan.results[0].warnings_size(), 2);  // active, no scheme
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
