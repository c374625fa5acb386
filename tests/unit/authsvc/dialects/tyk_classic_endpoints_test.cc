// extended_paths of Tyk Classic definitions that change requests and answers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

Conversion WithPaths(const char* extended_paths, const char* version = "{}") {
  Json json = Json::parse(R"({
    "name": "orders", "api_id": "a1", "org_id": "org", "active": true, "use_keyless": true,
    "proxy": {"listen_path": "/orders/", "target_url": "https://up.example:8443/x"},
    "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}}
  })");
  Json& only = json["version_data"]["versions"]["Default"];
  only["use_extended_paths"] = true;
  only["extended_paths"] = Json::parse(extended_paths);
  only.merge_patch(Json::parse(version));
  return ConvertText(ConvertTykClassic, json.dump());
}

v1::ApiVersion Version(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  return conversion.resources.empty() ? v1::ApiVersion()
                                      : conversion.resources.back().resource.api().versions(0);
}

std::string Refusal(const char* extended_paths) {
  const Conversion conversion = WithPaths(extended_paths);
  return conversion.ok() ? "taken" : Texts(conversion.errors);
}

TEST(TykClassicEndpoints, EachKind) {
  const v1::ApiVersion version = Version(WithPaths(
      R"({"transform_headers": [{"path": "get/{id}", "method": "get", "delete_headers": ["X-Old"],
                                 "add_headers": {"X-New": "1"}, "act_on": false}],
          "transform_response_headers": [{"path": "a", "method": "GET", "delete_headers": ["Server"]}],
          "hard_timeouts": [{"path": "slow", "method": "GET", "timeout": 2}],
          "size_limits": [{"path": "up", "method": "POST", "size_limit": 100}],
          "method_transforms": [{"path": "m", "method": "GET", "to_method": "post"}]})",
      R"({"global_response_headers": {"X-All": "1"}, "global_response_headers_remove": ["X-Gone"]})"));
  ASSERT_EQ(version.endpoints_size(), 5);
  EXPECT_EQ(version.endpoints(0).rule().path(), "get/([^/]+)");
  EXPECT_EQ(version.endpoints(0).rule().methods(0), "GET");
  EXPECT_EQ(version.endpoints(0).request_headers().set().at("X-New"), "1");
  EXPECT_EQ(version.endpoints(0).request_headers().remove(0), "X-Old");
  EXPECT_EQ(version.endpoints(1).response_headers().remove(0), "Server");
  EXPECT_EQ(version.endpoints(2).timeout_ms(), 2000u);
  EXPECT_EQ(version.endpoints(3).max_body_bytes(), 100);
  EXPECT_EQ(version.endpoints(4).method(), "POST");
  EXPECT_EQ(version.response_headers().set().at("X-All"), "1");
  EXPECT_EQ(version.response_headers().remove(0), "X-Gone");
}

TEST(TykClassicEndpoints, RewritesWithTriggers) {
  const v1::ApiVersion version = Version(WithPaths(R"x({"url_rewrites": [{
      "path": "widgets", "method": "GET", "match_pattern": "widgets/(\\w+)/{x}",
      "rewrite_to": "svc/$1?h=$tyk_context.headers_X_User&t=$tyk_meta.team&c={$x}",
      "triggers": [
        {"on": "any", "rewrite_to": "https://b.example/x",
         "options": {"query_val_matches": {"q": {"match_rx": "a", "reverse": true}}}},
        {"on": "all", "rewrite_to": "/$tyk_context.trigger-1-X-A-0/$tyk_context.trigger-1-X-A-0-0",
         "options": {"header_matches": {"X-A": {"match_rx": "(a)"}},
                     "path_part_matches": {"p": {"match_rx": "b"}},
                     "session_meta_matches": {"m": {"match_rx": "c"}}}}]}]})x"));
  ASSERT_EQ(version.endpoints_size(), 1);
  const v1::Rewrite& rewrite = version.endpoints(0).rewrite();
  EXPECT_EQ(rewrite.pattern(), "widgets/(\\w+)/{x}") << "an expression: braces are its own";
  EXPECT_EQ(rewrite.target(), "svc/$1?h={header:X-User}&t={meta:team}&c={{$$x}}");
  ASSERT_EQ(rewrite.triggers_size(), 2);
  EXPECT_TRUE(rewrite.triggers(0).any());
  EXPECT_TRUE(rewrite.triggers(0).conditions(0).reverse());
  EXPECT_EQ(rewrite.triggers(0).conditions(0).source(), "query");
  EXPECT_FALSE(rewrite.triggers(1).any());
  ASSERT_EQ(rewrite.triggers(1).conditions_size(), 3);
  EXPECT_EQ(rewrite.triggers(1).conditions(0).source(), "header");
  EXPECT_EQ(rewrite.triggers(1).conditions(1).source(), "path_part");
  EXPECT_EQ(rewrite.triggers(1).conditions(2).source(), "metadata");
  EXPECT_EQ(rewrite.triggers(1).target(), "/{trigger:X-A:0}/{trigger:X-A:1}");
}

TEST(TykClassicEndpoints, WhatIsOffIsNotThere) {
  EXPECT_EQ(
      Version(
          WithPaths(R"x({"url_rewrites": [{"disabled": true, "path": "x", "match_pattern": "("}],
                             "size_limits": [{"disabled": true, "path": "x"}]})x"))
          .endpoints_size(),
      0);
  const Conversion off = WithPaths(
      "{}", R"({"global_response_headers": {"A": "b"}, "global_response_headers_disabled": true})");
  EXPECT_EQ(Version(off).response_headers().set_size(), 0);
}

TEST(TykClassicEndpoints, Refusals) {
  EXPECT_THAT(Refusal(R"({"url_rewrites": [{"path": "x"}]})"), HasSubstr("match_pattern"));
  EXPECT_THAT(
      Refusal(
          R"x({"url_rewrites": [{"path": "x", "match_pattern": "(?=a)", "rewrite_to": "y"}]})x"),
      HasSubstr("regular expression"));
  EXPECT_THAT(Refusal(R"({"url_rewrites": [{"path": "x", "match_pattern": "x"}]})"),
              HasSubstr("rewrite_to"));
  for (const char* to : {"tyk://self/x", "$tyk_context.remote_addr", "$secret_env.X",
                         "$tyk_context.trigger-0-X-0"}) {
    const Json entry = {{"path", "x"}, {"match_pattern", "x"}, {"rewrite_to", to}};
    EXPECT_THAT(Refusal(Json{{"url_rewrites", {entry}}}.dump().c_str()), HasSubstr("rewrite_to"))
        << to;
  }
  const auto trigger = [](const char* text) {
    const Json entry = {{"path", "x"},
                        {"match_pattern", "x"},
                        {"rewrite_to", "y"},
                        {"triggers", Json::array({Json::parse(text)})}};
    return Refusal(Json{{"url_rewrites", {entry}}}.dump().c_str());
  };
  EXPECT_THAT(
      trigger(
          R"({"on": "some", "rewrite_to": "y", "options": {"header_matches": {"A": {"match_rx": "a"}}}})"),
      HasSubstr("any or all"));
  EXPECT_THAT(trigger(R"({"on": "any", "rewrite_to": "y", "options": {}})"), HasSubstr("look at"));
  EXPECT_THAT(
      trigger(
          R"({"on": "any", "rewrite_to": "y", "options": {"payload_matches": {"match_rx": "a"}}})"),
      HasSubstr("payload_matches"));
  EXPECT_THAT(
      trigger(
          R"({"on": "any", "rewrite_to": "y", "options": {"header_match": {"A": {"match_rx": "a"}}}})"),
      HasSubstr("header_match"));
  EXPECT_THAT(trigger(R"({"on": "any", "options": {"header_matches": {"A": {"match_rx": "a"}}}})"),
              HasSubstr("rewrite_to"));
  EXPECT_THAT(Refusal(R"({"hard_timeouts": [{"path": "x", "timeout": 0}]})"), HasSubstr("timeout"));
  EXPECT_THAT(Refusal(R"({"size_limits": [{"path": "x", "size_limit": -1}]})"),
              HasSubstr("size_limit"));
  EXPECT_THAT(Refusal(R"({"method_transforms": [{"path": "x"}]})"), HasSubstr("to_method"));
  EXPECT_THAT(Refusal(R"({"transform_headers": [{"add_headers": {"A": "b"}}]})"),
              HasSubstr("path"));
  EXPECT_THAT(
      Refusal(R"({"transform_headers": [{"path": "x", "add_headers": {"A": "$tyk_meta.x"}}]})"),
      HasSubstr("variables"));
}

// Base64 of "function f() {}".
constexpr char kVirtual[] =
    R"({"virtual": [{"path": "v/{id}", "method": "POST", "response_function_name": "f",
    "function_source_type": "blob", "function_source_uri": "ZnVuY3Rpb24gZigpIHt9", "use_session": true,
    "proxy_on_error": true}]})";

TEST(TykClassicEndpoints, VirtualEndpoints) {
  const v1::ApiVersion version = Version(WithPaths(kVirtual));
  ASSERT_EQ(version.endpoints_size(), 1);
  EXPECT_EQ(version.endpoints(0).rule().path(), "v/([^/]+)");
  EXPECT_EQ(version.endpoints(0).rule().methods(0), "POST");
  const v1::VirtualEndpoint& script = version.endpoints(0).virtual_endpoint();
  EXPECT_EQ(script.function(), "f");
  EXPECT_EQ(script.source(), "function f() {}");
  EXPECT_TRUE(script.use_session());
  EXPECT_TRUE(script.proxy_on_error());
}

TEST(TykClassicEndpoints, VirtualEndpointsThatCannotBe) {
  const auto refused = [](const char* patch) {
    Json json = Json::parse(kVirtual);
    json["virtual"][0].merge_patch(Json::parse(patch));
    return Refusal(json.dump().c_str());
  };
  EXPECT_EQ(refused(R"({"disabled": true, "function_source_type": "file"})"), "taken");
  EXPECT_THAT(refused(R"({"function_source_type": "file", "function_source_uri": "f.js"})"),
              HasSubstr("virtual[0].function_source_type"));
  EXPECT_THAT(refused(R"({"function_source_type": "file"})"), HasSubstr("in Base64 into"));
  EXPECT_THAT(refused(R"({"function_source_type": null})"), HasSubstr("must be blob"));
  EXPECT_THAT(refused(R"({"function_source_uri": "%"})"), HasSubstr("is not Base64"));
  EXPECT_THAT(refused(R"({"function_source_uri": ""})"), HasSubstr("is missing"));
  for (const char* const bytes : {"/w==", "wK8=", "7aCA", "9JCAgA==", "4oI="}) {
    EXPECT_THAT(refused(Json({{"function_source_uri", bytes}}).dump().c_str()),
                HasSubstr("is not UTF-8"))
        << bytes;
  }
  EXPECT_THAT(refused(R"({"response_function_name": null})"), HasSubstr("is missing"));
  EXPECT_THAT(refused(R"({"proxy_on_eror": true})"), HasSubstr("did you mean"));
}

TEST(TykClassicEndpoints, AMockIsAScript) {
  const v1::ApiVersion version =
      Version(WithPaths(R"({"mock_response": [{"path": "^/m", "method": "GET",
      "code": 200, "body": "hello", "headers": {"X-A": "1"}}]})"));
  ASSERT_EQ(version.endpoints_size(), 1);
  EXPECT_EQ(version.endpoints(0).virtual_endpoint().source(),
            R"x(function mockResponse() { return TykJsResponse({"Body":"hello","Code":200,)x"
            R"x("Headers":{"X-A":"1"}}, {}); })x");
  EXPECT_THAT(Refusal(R"({"mock_response": [{"path": "^/m", "method": "GET", "code": 1}]})"),
              HasSubstr("mock_response[0].code"));
  EXPECT_THAT(Refusal(R"({"mock_response": [{"path": "^/m", "code": 200, "bodi": "x"}]})"),
              HasSubstr("bodi"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
