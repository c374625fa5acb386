#include "dataplane/http/cors.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

std::string Text(const OwnFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields) absl::StrAppend(&text, name, "=", value, ";");
  return text;
}

HeaderFields Asking(absl::string_view origin, absl::string_view method = "PUT",
                    absl::string_view headers = "") {
  HeaderFields fields = {{"Origin", origin}, {"Access-Control-Request-Method", method}};
  if (!headers.empty()) fields.push_back({"Access-Control-Request-Headers", headers});
  return fields;
}

CorsRules Rules() {
  CorsRules rules;
  rules.enabled = true;
  rules.allowed_origins = {"https://app.test", "https://*.good.test"};
  rules.allowed_methods = {"GET", "PUT"};
  rules.allowed_headers = {"X-Token"};
  return rules;
}

constexpr char kVary[] =
    "Vary=Origin, Access-Control-Request-Method, Access-Control-Request-Headers;";

TEST(Cors, APreflightIsOptionsWithOriginAndMethod) {
  EXPECT_TRUE(IsPreflight("OPTIONS", Asking("https://app.test")));
  EXPECT_FALSE(IsPreflight("GET", Asking("https://app.test")));
  EXPECT_FALSE(IsPreflight("OPTIONS", {{"Origin", "https://app.test"}}));
  EXPECT_FALSE(IsPreflight("OPTIONS", {{"Access-Control-Request-Method", "PUT"}}));
}

TEST(Cors, AnAllowedPreflight) {
  CorsRules rules = Rules();
  rules.allow_credentials = true;
  rules.max_age_seconds = 24;
  EXPECT_EQ(
      Text(PreflightFields(rules, Asking("https://app.test", "PUT", "x-token, Origin"))),
      absl::StrCat(
          kVary,
          "Access-Control-Allow-Origin=https://app.test;Access-Control-Allow-Credentials=true;"
          "Access-Control-Allow-Methods=PUT;Access-Control-Allow-Headers=x-token, origin;"
          "Access-Control-Max-Age=24;"));
}

TEST(Cors, WhatIsNotAllowedIsToldNothing) {
  const CorsRules rules = Rules();
  const HeaderFields asked[] = {
      Asking("https://evil.test"), Asking("http://app.test"), Asking("https://app.test:8443"),
      Asking("https://app.test.evil.test"), Asking("null"), Asking(""),
      Asking("https://app.test", "DELETE"), Asking("https://app.test", "put "),
      Asking("https://app.test", "PUT", "x-token, x-other"), Asking("https://app.test", "PUT", "*"),
      // A wildcard stands for part of a host.
      Asking("https://good.test"), Asking("https://.good.test"),
      Asking("https://evil.test/.good.test"), Asking("https://evil.test#.good.test"),
      Asking("https://evil.test:1.good.test"), Asking("https://user@x.good.test"),
      Asking("https://a.good.test.evil.test")};
  for (const HeaderFields& fields : asked) {
    EXPECT_EQ(Text(PreflightFields(rules, fields)), kVary) << fields[0].value << fields[1].value;
  }
  EXPECT_NE(Text(PreflightFields(rules, Asking("https://a.b.good.test"))), kVary);
}

TEST(Cors, TooManyHeadersAreNotAllowed) {
  CorsRules rules = Rules();
  rules.allowed_headers = {"*"};
  std::string headers = "a";
  for (int i = 1; i < 64; ++i) headers += ",a";
  EXPECT_NE(Text(PreflightFields(rules, Asking("https://app.test", "PUT", headers))), kVary);
  EXPECT_EQ(Text(PreflightFields(rules, Asking("https://app.test", "PUT", headers + ",a"))), kVary);
}

TEST(Cors, WithoutListsTheUsualOnesAndEveryOriginWithoutCredentials) {
  CorsRules rules;
  rules.enabled = rules.allow_credentials = true;
  const std::string any = "Access-Control-Allow-Origin=*;";
  EXPECT_EQ(
      Text(PreflightFields(rules, Asking("https://x.test", "GET", "content-type"))),
      absl::StrCat(kVary, any,
                   "Access-Control-Allow-Methods=GET;Access-Control-Allow-Headers=content-type;"));
  EXPECT_EQ(Text(PreflightFields(rules, Asking("https://x.test", "PUT"))), kVary);
  EXPECT_EQ(Text(PreflightFields(rules, Asking("https://x.test", "GET", "x-token"))), kVary);
  EXPECT_EQ(Text(CorsFields(rules, {{"Origin", "https://x.test"}})), any);
}

TEST(Cors, OtherAnswers) {
  CorsRules rules = Rules();
  rules.exposed_headers = {"X-A", "X-B"};
  EXPECT_EQ(Text(CorsFields(rules, {{"Origin", "https://app.test"}})),
            "Vary=Origin;Access-Control-Allow-Origin=https://"
            "app.test;Access-Control-Expose-Headers=X-A, X-B;");
  EXPECT_EQ(Text(CorsFields(rules, {{"Origin", "https://evil.test"}})), "Vary=Origin;");
  EXPECT_EQ(Text(CorsFields(rules, {})), "Vary=Origin;") << "a cache must not show it to an origin";
}

}  // namespace
}  // namespace sallyport::dataplane
