// middleware.operations of Tyk OAS definitions: what each becomes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

Conversion Of(const std::string& operation, bool strip = true) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "paths": {"/pets": {"get": {"operationId": "listPets"}},
              "/pets/{id}": {"get": {"operationId": "getPet"}}},
    "x-tyk-api-gateway": {"info": {"id": "p", "name": "p", "state": {"active": true}},
      "upstream": {"url": "https://up.test/"},
      "server": {"listenPath": {"value": "/p.1/", "strip": true}}}})");
  Json& extension = json["x-tyk-api-gateway"];
  extension["server"]["listenPath"]["strip"] = strip;
  extension["middleware"]["operations"] = {{"getPet", Json::parse(operation)}};
  return ConvertText(ConvertTykOas, json.dump());
}

std::vector<v1::Endpoint> Endpoints(const std::string& operation, bool strip = true) {
  const Conversion conversion = Of(operation, strip);
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  if (conversion.resources.empty()) return {};
  const auto& endpoints = conversion.resources.back().resource.api().versions(0).endpoints();
  return {endpoints.begin(), endpoints.end()};
}

v1::Endpoint Only(const std::string& operation, bool strip = true) {
  const auto endpoints = Endpoints(operation, strip);
  EXPECT_THAT(endpoints, ::testing::SizeIs(1));
  return endpoints.empty() ? v1::Endpoint() : endpoints.front();
}

TEST(TykOasOperations, AreThatPathAndMethodAlone) {
  const std::string timeout = R"({"enforceTimeout": {"enabled": true, "value": 3}})";
  const v1::Endpoint endpoint = Only(timeout);
  EXPECT_EQ(endpoint.timeout_ms(), 3000u);
  EXPECT_EQ(endpoint.rule().path(), "^/pets/([^/]+)$");
  EXPECT_THAT(endpoint.rule().methods(), ElementsAre("GET"));
  EXPECT_EQ(Only(timeout, false).rule().path(), "^\\/p\\.1/pets/([^/]+)$")
      << "rules see the listen path where it is not taken off";
}

// The rules of one operation at a path, all of them.
Conversion AtPath(const std::string& path) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "x-tyk-api-gateway": {"info": {"id": "p", "name": "p", "state": {"active": true}},
      "upstream": {"url": "https://up.test/"}, "server": {"listenPath": {"value": "/"}},
      "middleware": {"operations": {"a": {"allow": {"enabled": true}, "block": {"enabled": true},
                                          "ignoreAuthentication": {"enabled": true}}}}}})");
  json["paths"][path]["get"]["operationId"] = "a";
  return ConvertText(ConvertTykOas, json.dump());
}

TEST(TykOasOperations, PathsAreTextAndNoExpressions) {
  for (const auto& [path, other] :
       std::initializer_list<std::pair<const char*, const char*>>{{"/a|b", "/a/admin"},
                                                                  {"/a|b", "/b"},
                                                                  {"/v1.0/x", "/v1x0/x"},
                                                                  {"/a+b", "/aab"},
                                                                  {"/users/$count", "/users/"},
                                                                  {"/f(x='1')", "/fx='1'"},
                                                                  {"/a?b", "/b"}}) {
    const Conversion conversion = AtPath(path);
    ASSERT_THAT(Texts(conversion.errors), IsEmpty()) << path;
    const v1::ApiVersion& version = conversion.resources.back().resource.api().versions(0);
    for (const auto& rule : {version.allowed(0), version.blocked(0), version.ignored(0)}) {
      EXPECT_TRUE(RE2::PartialMatch(path, rule.path())) << rule.path();
      EXPECT_FALSE(RE2::PartialMatch(other, rule.path())) << rule.path();
    }
  }
  for (const char* path : {"/a/*", "/a/.*", "/a/[0-9]", "/a/\\d", "/^a"})
    EXPECT_THAT(Texts(AtPath(path).errors), HasSubstr("do not exist in paths")) << path;
}

TEST(TykOasOperations, Headers) {
  const v1::Endpoint request = Only(R"({"transformRequestHeaders": {"enabled": true,
    "add": [{"name": "X-A", "value": "1"}], "remove": ["X-B"]}})");
  EXPECT_EQ(request.request_headers().set().at("X-A"), "1");
  EXPECT_THAT(request.request_headers().remove(), ElementsAre("X-B"));
  const v1::Endpoint answer = Only(R"({"transformResponseHeaders": {"enabled": true,
    "remove": ["Server"]}})");
  EXPECT_THAT(answer.response_headers().remove(), ElementsAre("Server"));
  EXPECT_FALSE(answer.has_request_headers());
}

TEST(TykOasOperations, Rewrites) {
  const v1::Rewrite rewrite = Only(R"x({"urlRewrite": {"enabled": true,
    "pattern": "/pets/(\\d+)", "rewriteTo": "/animals/$1", "triggers": [{"condition": "any",
      "rules": [{"in": "header", "name": "X-New", "pattern": "^yes$", "negate": true},
                {"in": "path", "name": "n", "pattern": "\\d+"},
                {"in": "sessionMetadata", "name": "team", "pattern": "a"}],
      "rewriteTo": "/new/$tyk_context.trigger-0-n-0"}]}})x")
                                  .rewrite();
  EXPECT_EQ(rewrite.pattern(), "/pets/(\\d+)");
  EXPECT_EQ(rewrite.target(), "/animals/$1");
  ASSERT_EQ(rewrite.triggers_size(), 1);
  EXPECT_TRUE(rewrite.triggers(0).any());
  EXPECT_EQ(rewrite.triggers(0).target(), "/new/{trigger:n:0}");
  ASSERT_EQ(rewrite.triggers(0).conditions_size(), 3);
  EXPECT_TRUE(rewrite.triggers(0).conditions(0).reverse());
  EXPECT_EQ(rewrite.triggers(0).conditions(1).source(), "path_part");
  EXPECT_EQ(rewrite.triggers(0).conditions(2).source(), "metadata");
}

TEST(TykOasOperations, AMockIsAScript) {
  const v1::VirtualEndpoint script = Only(R"({"mockResponse": {"enabled": true, "code": 418,
    "body": "\"é\u2028\"</x>", "headers": [{"name": "X-A", "value": "1"}],
    "fromOASExamples": {"enabled": false}}})")
                                         .virtual_endpoint();
  EXPECT_EQ(script.function(), "mockResponse");
  EXPECT_THAT(script.source(), HasSubstr("\"Code\":418"));
  EXPECT_THAT(script.source(), HasSubstr(R"("Body":"\"\u00e9\u2028\"</x>")"));
  EXPECT_FALSE(script.proxy_on_error() || script.use_session());
}

TEST(TykOasOperations, ASizeLimitHoldsWhereverThePathStands) {
  const v1::Endpoint endpoint = Only(R"({"requestSizeLimit": {"enabled": true, "value": 9}})");
  EXPECT_EQ(endpoint.max_body_bytes(), 9);
  EXPECT_EQ(endpoint.rule().path(), "/pets/([^/]+)");
}

TEST(TykOasOperations, TheLongerPathCountsFirst) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "paths": {"/a": {"get": {"operationId": "a"}}, "/a/b": {"get": {"operationId": "b"}}},
    "x-tyk-api-gateway": {"info": {"id": "p", "name": "p", "state": {"active": true}},
      "upstream": {"url": "https://up.test/"}, "server": {"listenPath": {"value": "/"}},
      "middleware": {"operations": {"a": {"requestSizeLimit": {"enabled": true, "value": 1}},
                                    "b": {"requestSizeLimit": {"enabled": true, "value": 2}}}}}})");
  const Conversion conversion = ConvertText(ConvertTykOas, json.dump());
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const auto& version = conversion.resources.back().resource.api().versions(0);
  ASSERT_EQ(version.endpoints_size(), 2);
  EXPECT_EQ(version.endpoints(0).max_body_bytes(), 2);
}

TEST(TykOasOperations, TextCountsBeforeParameters) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "x-tyk-api-gateway": {"info": {"id": "p", "name": "p", "state": {"active": true}},
      "upstream": {"url": "https://up.test/"}, "server": {"listenPath": {"value": "/"}}}})");
  // In the order that is wanted: each has a timeout of its place.
  const std::vector<std::string> wanted = {"/users/administrators",
                                           "/users/me/{longer-than-others}",
                                           "/users/me",
                                           "/users/me{a}",
                                           "/users/{id}/x",
                                           "/users/{id}",
                                           "/{a}/me",
                                           "/{a}"};
  for (size_t i = 0; i < wanted.size(); ++i) {
    const std::string id = absl::StrCat((i * 5) % 8);
    json["paths"][wanted[i]]["get"]["operationId"] = id;
    json["x-tyk-api-gateway"]["middleware"]["operations"][id] = {
        {"enforceTimeout", {{"enabled", true}, {"value", i + 1}}}};
  }
  const Conversion conversion = ConvertText(ConvertTykOas, json.dump());
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  std::vector<uint32_t> places;
  for (const auto& endpoint : conversion.resources.back().resource.api().versions(0).endpoints())
    places.push_back(endpoint.timeout_ms() / 1000);
  EXPECT_THAT(places, ElementsAre(2, 1, 3, 4, 5, 6, 7, 8));
}

// What is said of an exemption of "/users/{id}" beside another operation.
std::string ExemptBeside(const std::string& other, const std::string& operation,
                         const std::string& own = "/users/{id}", const char* method = "get",
                         bool any_case = false) {
  Json json = Json::parse(R"({"openapi": "3.0.3", "info": {"title": "t", "version": "1"},
    "x-tyk-api-gateway": {"info": {"id": "p", "name": "p", "state": {"active": true}},
      "upstream": {"url": "https://up.test/"}, "server": {"listenPath": {"value": "/"}},
      "middleware": {"operations": {"own": {"ignoreAuthentication": {"enabled": true}}}}}})");
  json["paths"][own]["get"]["operationId"] = "own";
  json["paths"][other][method]["operationId"] = "other";
  Json& middleware = json["x-tyk-api-gateway"]["middleware"];
  middleware["operations"]["own"]["ignoreAuthentication"]["ignoreCase"] = any_case;
  if (!operation.empty()) middleware["operations"]["other"] = Json::parse(operation);
  return Texts(ConvertText(ConvertTykOas, json.dump()).errors);
}

TEST(TykOasOperations, AnExemptionOpensNoOtherOperation) {
  for (const char* operation :
       {"", R"({"allow": {"enabled": true}})", R"({"ignoreAuthentication": {"enabled": false}})"}) {
    EXPECT_THAT(ExemptBeside("/users/admin", operation),
                AllOf(HasSubstr("operations.own.ignoreAuthentication"),
                      HasSubstr("the path /users/{id} means GET /users/admin too")))
        << operation;
  }
  EXPECT_THAT(ExemptBeside("/users/a{b}", ""), HasSubstr("/users/a{b} too"));
  EXPECT_THAT(ExemptBeside("/a/{x}/c", "", "/{y}/b/c"), HasSubstr("/a/{x}/c too"));
  EXPECT_THAT(ExemptBeside("/a", "", "/A", "get", true), HasSubstr("/a too"));
  EXPECT_EQ(ExemptBeside("/a", "", "/A"), "");
  EXPECT_EQ(ExemptBeside("/users/admin", R"({"ignoreAuthentication": {"enabled": true}})"), "");
  EXPECT_EQ(ExemptBeside("/users/admin", "", "/users/{id}", "post"), "") << "of another method";
  EXPECT_EQ(ExemptBeside("/users/{id}", "", "/users/me"), "") << "it is the more exact one";
  for (const char* other : {"/users", "/users/", "/users/a/b", "/x/a"})
    EXPECT_EQ(ExemptBeside(other, ""), "") << other;
}

TEST(TykOasOperations, WhatIsOffSaysNothing) {
  EXPECT_THAT(Endpoints(R"({"urlRewrite": {"enabled": false, "pattern": "["},
    "transformRequestBody": {"enabled": false}, "rateLimit": {"enabled": false, "rate": 1},
    "trackEndpoint": {"enabled": true}})"),
              IsEmpty());
}

TEST(TykOasOperations, WhatIsRefused) {
  for (const auto& [operation, path, word] :
       std::initializer_list<std::tuple<const char*, const char*, const char*>>{
           {R"({"urlRewrite": {"pattern": "a", "rewriteTo": "b"}})", "urlRewrite.enabled", "say"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "[", "rewriteTo": "/b"}})",
            "urlRewrite.pattern", "not a regular expression"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a"}})", "urlRewrite.rewriteTo",
            "missing"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a", "rewriteTo": "tyk://self/x"}})",
            "urlRewrite.rewriteTo", "tyk://"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a", "rewriteTo": "/$secret_env.X"}})",
            "urlRewrite.rewriteTo", "secrets"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a", "triggers": [{"condition": "any",
               "rewriteTo": "/x", "rules": [{"in": "requestBody", "pattern": "x"}]}]}})",
            "urlRewrite.triggers[0].rules[0].in", "not read"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a", "triggers": [{"condition": "one",
               "rewriteTo": "/x", "rules": [{"in": "moon", "name": "x", "pattern": "x"}]}]}})",
            "urlRewrite.triggers[0].condition", "any or all"},
           {R"({"urlRewrite": {"enabled": true, "pattern": "a", "triggers": [{"condition": "all",
               "rewriteTo": "/x", "rules": []}]}})",
            "urlRewrite.triggers[0].rules", "nothing"},
           {R"({"transformRequestHeaders": {"enabled": true, "add": [{"name": "A",
               "value": "$tyk_meta.x"}]}})",
            "transformRequestHeaders.add[0].value", "variables"},
           {R"({"transformRequestHeaders": {"enabled": true, "ad": []}})",
            "transformRequestHeaders.ad", ""},
           {R"({"enforceTimeout": {"enabled": true, "value": 0}})", "enforceTimeout.value",
            "above 0"},
           {R"({"requestSizeLimit": {"enabled": true, "value": -1}})", "requestSizeLimit.value",
            "above 0"},
           {R"({"transformRequestMethod": {"enabled": true}})", "transformRequestMethod.toMethod",
            "missing"},
           {R"({"mockResponse": {"enabled": true, "code": 99}})", "mockResponse.code", "between"},
           {R"({"mockResponse": {"enabled": true, "code": 200,
               "fromOASExamples": {"enabled": true}}})",
            "mockResponse.fromOASExamples.enabled", "examples"},
           {R"({"mockResponse": {"enabled": true, "code": 200}, "virtualEndpoint":
               {"enabled": true, "functionName": "f", "body": "ZnVuY3Rpb24gZigpIHt9"}})",
            "mockResponse", "both on"},
           {R"({"rateLimit": {"enabled": true, "rate": 1, "per": "1s"}})", "rateLimit", "endpoint"},
           {R"({"internal": {"enabled": true}})", "internal", "reachable"},
           {R"({"transformRequestBody": {"enabled": true}})", "transformRequestBody", "bodies"},
           {R"({"transformResponseBody": {"enabled": true}})", "transformResponseBody", "bodies"},
           {R"({"validateRequest": {"enabled": true}})", "validateRequest", "does not exist"},
           {R"({"postPlugins": [{"enabled": true}]})", "postPlugins", "plugins"}}) {
    const std::string errors = Texts(Of(operation).errors);
    EXPECT_THAT(errors,
                HasSubstr(absl::StrCat("x-tyk-api-gateway.middleware.operations.getPet.", path)))
        << operation;
    EXPECT_THAT(errors, HasSubstr(word)) << operation;
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
