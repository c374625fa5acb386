// Credentials, sandboxes and endpoints of single operations of apk-conf.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/authsvc/dialects/apk_store.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kProductionEndpoint[] =
    "    endpoint: \"https://run.mocky.io/v3/1327c339\"\noperations:";

std::string Production(const std::string& more) {
  return With(
      kEmployee, kProductionEndpoint,
      absl::StrCat("    endpoint: \"https://run.mocky.io/v3/1327c339\"\n", more, "operations:"));
}

ConvertOptions WithSandbox(const Store& store) {
  ConvertOptions options = store.Options();
  options.apk_sandbox_hosts = {"default.sandbox.gw.example.com"};
  return options;
}

TEST(ApkEndpointSecurity, NamesItsSecret) {
  Store store;
  store.Apply(
      {Production("    endpointSecurity: {enabled: true, securityType: {secretName: login, "
                  "userNameKey: user, passwordKey: pass}}\n")});
  const v1::UpstreamCredential& credential = store.Api("mtls-api").upstream().credential();
  EXPECT_EQ(credential.header(), "Authorization");
  EXPECT_EQ(credential.username_ref(), "name:secret/default/login/user");
  EXPECT_EQ(credential.password_ref(), "name:secret/default/login/pass");
  store.Apply(
      {Production("    endpointSecurity: {enabled: true, securityType: {secretName: key, "
                  "in: Header, apiKeyNameKey: X-Key, apiKeyValueKey: value}}\n")});
  EXPECT_EQ(store.Api("mtls-api").upstream().credential().header(), "X-Key");
  EXPECT_EQ(store.Api("mtls-api").upstream().credential().value_ref(),
            "name:secret/default/key/value");
  store.Apply(
      {Production("    endpointSecurity: {enabled: false, securityType: {secretName: key, "
                  "userNameKey: user, passwordKey: pass}}\n")});
  EXPECT_FALSE(store.Api("mtls-api").upstream().has_credential());
}

TEST(ApkEndpointSecurity, IsTheSameForAllEndpoints) {
  const Store store;
  const std::string several =
      With(kEmployee, "  production:\n    endpoint: \"https://run.mocky.io/v3/1327c339\"\n",
           "  production:\n    - endpoint: \"https://a.example\"\n      endpointSecurity: "
           "{enabled: true, "
           "securityType: {secretName: a, userNameKey: u, passwordKey: p}}\n"
           "    - endpoint: \"https://b.example\"\n");
  EXPECT_THAT(MessagesOf(store.Refused({several})), HasSubstr("must be the same"));
}

TEST(ApkSandbox, IsTheSameApiAtHostsOfItsOwn) {
  Store store;
  const std::string text = absl::StrCat(
      Production("  sandbox:\n    endpoint: \"https://sand.example/box\"\n    certificate: "
                 "{secretName: ca, secretKey: ca.crt}\n    endpointSecurity: {enabled: true, "
                 "securityType: {secretName: login, userNameKey: u, passwordKey: p}}\n"),
      kMtls);
  const ApplyPlan plan = PlanOf({text}, WithSandbox(store));
  ASSERT_FALSE(plan.refused) << MessagesOf(plan);
  const v1::Api& production = FindPut(plan, "mtls-api")->api();
  const v1::Api& sandbox = FindPut(plan, "mtls-api~sandbox")->api();
  EXPECT_TRUE(production.hosts().empty());
  EXPECT_FALSE(production.upstream().has_credential());
  EXPECT_TRUE(production.upstream().tls().trust_bundle_ids().empty());
  EXPECT_THAT(sandbox.hosts(), ElementsAre("default.sandbox.gw.example.com"));
  EXPECT_EQ(sandbox.listen_path(), production.listen_path());
  EXPECT_EQ(sandbox.upstream().targets(0).url(), "https://sand.example/box");
  EXPECT_THAT(sandbox.upstream().tls().trust_bundle_ids(),
              ElementsAre("mtls-api~sandbox.endpoint"));
  EXPECT_EQ(sandbox.upstream().credential().username_ref(), "name:secret/default/login/u");
  EXPECT_EQ(AllowlistOf(sandbox), AllowlistOf(production));
  EXPECT_EQ(sandbox.versions(0).SerializeAsString(), production.versions(0).SerializeAsString());
}

TEST(ApkSandbox, WhereThereIsNoneItsHostsAreClosed) {
  const Store store;
  const ApplyPlan plan = PlanOf({kEmployee}, WithSandbox(store));
  ASSERT_FALSE(plan.refused) << MessagesOf(plan);
  ASSERT_NE(FindPut(plan, "mtls-api~sandbox"), nullptr);
  const v1::Api& closed = FindPut(plan, "mtls-api~sandbox")->api();
  EXPECT_THAT(closed.hosts(), ElementsAre("default.sandbox.gw.example.com"));
  EXPECT_EQ(closed.listen_path(), FindPut(plan, "mtls-api")->api().listen_path());
  ASSERT_EQ(closed.versions(0).blocked_size(), 1);
  EXPECT_EQ(closed.versions(0).blocked(0).path(), "^/");
  EXPECT_TRUE(plan.gone_apis.empty());
  EXPECT_FALSE(FindPut(plan, "mtls-api")->document().empty());
}

TEST(ApkSandbox, GoesWhereTheDocumentHasNoneAndLeavesOthersAlone) {
  Store store;
  v1::Resource stored;
  stored.set_id("mtls-api~sandbox");
  stored.mutable_api()->set_id("mtls-api~sandbox");
  stored.set_dialect(std::string(kNative));
  store.resources()["mtls-api~sandbox"] = stored;
  EXPECT_TRUE(store.Apply({kEmployee}).gone_apis.empty()) << "somebody else's";
  const std::string text = Production("  sandbox: {endpoint: \"https://sand.example\"}\n");
  EXPECT_THAT(MessagesOf(PlanOf({text}, WithSandbox(store))), HasSubstr("came in another way"));
  store.resources()["mtls-api~sandbox"].set_dialect(std::string(kApkConf));
  EXPECT_THAT(store.Apply({kEmployee}).gone_apis, ElementsAre("mtls-api~sandbox"));
}

TEST(ApkOperations, MayHaveAnEndpointOfTheirOwn) {
  Store store;
  store.Apply({With(kEmployee, "verb: \"POST\"",
                    "verb: \"POST\"\n    endpointConfigurations: {production: {endpoint: "
                    "\"https://other.example/o{x\"}}")});
  const v1::ApiVersion& version = store.Api("mtls-api").versions(0);
  ASSERT_EQ(version.endpoints_size(), 1);
  EXPECT_THAT(version.endpoints(0).rule().methods(), ElementsAre("POST"));
  EXPECT_EQ(version.endpoints(0).rewrite().target(), "https://other.example/o{{x/$1$2");
}

TEST(ApkOperations, EndpointsThatCannotBeAskedAreRefused) {
  const Store store;
  for (const auto& [endpoints, says] :
       {std::pair{"{sandbox: {endpoint: \"https://other.example\"}}",
                  "the API itself has no sandbox"},
        {"{production: {endpoint: \"https://other.example\"}, sandbox: {endpoint: "
         "\"https://other.example\"}}",
         "the API itself has no sandbox"},
        {"{production: {endpoint: \"https://other.example/a?b=c\"}}", "without ? and #"},
        {"{production: {endpoint: \"https://other.example?\"}}", "without ? and #"},
        {"{production: {endpoint: \"https://other.example/#a\"}}", "without ? and #"}})
    EXPECT_THAT(MessagesOf(PlanOf(
                    {With(kEmployee, "verb: \"POST\"",
                          absl::StrCat("verb: \"POST\"\n    endpointConfigurations: ", endpoints))},
                    WithSandbox(store))),
                HasSubstr(says))
        << endpoints;
}

TEST(ApkOperations, AreNotChangedByWhatIsSaidOfWiderOnes) {
  Store store;
  store.Apply({With(kEmployee, "  - target: \"/employee\"\n    verb: \"POST\"",
                    "  - target: \"/*\"\n    verb: \"GET\"\n    endpointConfigurations: "
                    "{production: {endpoint: \"https://other.example\"}}\n    operationPolicies: "
                    "{request: [{policyName: SetHeader, parameters: {headerName: X-A, "
                    "headerValue: b}}]}\n  - target: \"/employee\"\n    verb: \"POST\"")});
  const v1::ApiVersion& version = store.Api("mtls-api").versions(0);
  ASSERT_EQ(version.endpoints_size(), 2);
  EXPECT_EQ(version.endpoints(0).rule().path(), "^/employee$");
  EXPECT_THAT(version.endpoints(0).rule().methods(), ElementsAre("GET"));
  EXPECT_EQ(version.endpoints(0).rewrite().pattern(), "^$");
  EXPECT_TRUE(version.endpoints(0).request_headers().set().empty());
  EXPECT_EQ(version.endpoints(0).request_headers().remove_size(), 1);
  EXPECT_EQ(version.endpoints(1).rewrite().target(), "https://other.example/$1$2");
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
