#include "dataplane/authorize/facts.h"

#include <map>

#include "dataplane/authorize/authorizer.h"
#include "gtest/gtest.h"

namespace sallyport::dataplane {
namespace {

TEST(MakePeerCertificate, TheRestIsASetTheLeafIsNot) {
  EXPECT_EQ(MakePeerCertificate({}), nullptr);
  const auto a = MakePeerCertificate({"leaf", "x", "y"});
  const auto b = MakePeerCertificate({"leaf", "y", "x", "x"});
  const auto c = MakePeerCertificate({"x", "leaf", "y"});
  EXPECT_EQ(a->chain_sha256, b->chain_sha256);
  EXPECT_EQ(a->leaf_sha256, b->leaf_sha256);
  EXPECT_NE(a->leaf_sha256, c->leaf_sha256);
  EXPECT_EQ(a->cache_key, b->cache_key);
  EXPECT_NE(a->cache_key, c->cache_key);
  EXPECT_NE(a->cache_key, MakePeerCertificate({"leaf", "x"})->cache_key);
  EXPECT_NE(a->cache_key, cache::Hash128());
  EXPECT_EQ(a->leaf_hex.size(), 64u);
  EXPECT_EQ(MakePeerCertificate(std::vector<std::string>(20, "x"))->chain_der.size(), 8u);
}

TEST(QuestionFor, SendsHashesNeverTheToken) {
  Route route;
  route.api_id = "a";
  std::vector<PresentedCredential> token(1);
  token[0] = PresentedCredential{TokenKind::kToken, "header", base::Secret::CopyOf("secret")};
  AuthFacts facts;
  facts.route = &route;
  facts.credentials = token;
  const AuthorizeQuestion question = QuestionFor(facts);
  ASSERT_EQ(question.credentials.size(), 1u);
  EXPECT_EQ(question.credentials[0].sha256.size(), 32u);
  EXPECT_EQ(question.credentials[0].sha256.find("secret"), std::string::npos);
}

struct TokenCase {
  const char* name;
  std::map<std::string, std::string> headers;
  std::string query;
  const char* place;  // "": none
  const char* value;
};

TEST(ExtractToken, PlacesInOrder) {
  TokenRules rules;
  rules.enabled = true;
  rules.use_query = rules.use_cookie = true;
  rules.query_name = "auth";
  rules.cookie_name = "session";
  const TokenCase cases[] = {
      {"none", {}, "", "", ""},
      {"header", {{"authorization", "abc"}}, "", "header", "abc"},
      {"bearer", {{"authorization", "Bearer abc"}}, "", "header", "abc"},
      {"bearer in any case", {{"authorization", "bEARER  abc "}}, "", "header", "abc"},
      {"bearer alone", {{"authorization", "Bearer"}}, "", "", ""},
      {"not a bearer", {{"authorization", "Bearerabc"}}, "", "header", "Bearerabc"},
      {"query wins over header", {{"authorization", "abc"}}, "auth=q", "query", "q"},
      {"an empty one does not win", {{"authorization", "abc"}}, "auth=", "header", "abc"},
      {"decoded once", {}, "x=1&auth=a%2541", "query", "a%41"},
      {"cookie wins over both",
       {{"authorization", "abc"}, {"cookie", "a=b; session=c"}},
       "auth=q",
       "cookie",
       "c"},
      {"quoted cookie", {{"cookie", "session=\"c\""}}, "", "cookie", "c"},
      {"another cookie", {{"cookie", "xsession=c"}}, "", "", ""},
  };
  for (const TokenCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto found = ExtractToken(
        rules,
        [&](absl::string_view name) -> std::optional<absl::string_view> {
          const auto at = c.headers.find(std::string(name));
          if (at == c.headers.end()) return std::nullopt;
          return at->second;
        },
        c.query);
    ASSERT_EQ(found.has_value(), c.place[0] != '\0');
    if (!found.has_value()) continue;
    EXPECT_EQ(found->place, c.place);
    EXPECT_EQ(found->value.Reveal(), c.value);
  }
}

TEST(ExtractToken, OnlyWhereTheApiLooks) {
  const auto header = [](absl::string_view name) -> std::optional<absl::string_view> {
    return name == "cookie" ? "authorization=c" : "abc";
  };
  TokenRules rules;
  EXPECT_FALSE(ExtractToken(rules, header, "authorization=q").has_value());
  rules.enabled = true;
  rules.use_header = false;
  EXPECT_FALSE(ExtractToken(rules, header, "authorization=q").has_value());
}

TEST(ExtractToken, ASignedTokenTellsWhereItWas) {
  const auto header = [](absl::string_view name) -> std::optional<absl::string_view> {
    if (name != "x-token") return std::nullopt;
    return "bearer a.b.c";
  };
  TokenRules rules;
  rules.enabled = true;
  rules.kind = TokenKind::kJwt;
  rules.header_name = "x-token";
  const auto found = ExtractToken(rules, header, "");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->mechanism(), "jwt");
  EXPECT_EQ(found->name, "x-token");
  EXPECT_EQ(found->value.Reveal(), "a.b.c");
}

std::optional<PresentedCredential> LoginOf(const char* value) {
  TokenRules rules;
  rules.enabled = true;
  rules.kind = TokenKind::kLogin;
  return ExtractToken(
      rules,
      [value](absl::string_view name) -> std::optional<absl::string_view> {
        if (name != "authorization") return std::nullopt;
        return value;
      },
      "authorization=Basic%20YTpi");
}

// RFC 7617; "YWxpOnNlc2FtZQ==" is "ali:sesame".
TEST(ExtractToken, ALoginIsDecoded) {
  for (const char* const value : {"Basic YWxpOnNlc2FtZQ==", " basic YWxpOnNlc2FtZQ== "}) {
    const auto found = LoginOf(value);
    ASSERT_TRUE(found.has_value()) << value;
    EXPECT_EQ(found->mechanism(), "basic");
    EXPECT_EQ(found->value.Reveal(), "ali:sesame");
  }
}

TEST(ExtractToken, WhatIsNoLoginIsNobodys) {
  for (const std::string& value :
       {std::string("Basic *"), std::string("Basic YWxp"), std::string("Basic YWw6/w=="),
        std::string("Basic YWw67aCA"), std::string("Basic YWw6wIA="),
        std::string("Basic YWw69JCAgA=="), std::string("Basic YWw64g=="), std::string("Basic "),
        "Basic " + std::string(4096, 'A')}) {
    const auto found = LoginOf(value.c_str());
    if (value == "Basic ") continue;  // trimmed: another scheme's
    ASSERT_TRUE(found.has_value()) << value;
    EXPECT_EQ(found->value.Reveal(), ":") << value;
  }
  for (const char* const value : {"", "Bearer YWxpOnNlc2FtZQ==", "Basic", "BasicYWxpOnNlc2FtZQ=="})
    EXPECT_FALSE(LoginOf(value).has_value()) << value;
}

TEST(ReportedQuestion, HoldsNoClearText) {
  Route route;
  route.api_id = "a";
  std::vector<PresentedCredential> credentials;
  credentials.push_back({TokenKind::kJwt, "header", base::Secret::CopyOf("a.b.c"), "x-token"});
  credentials.push_back({TokenKind::kLogin, "header", base::Secret::CopyOf("ali:sesame")});
  AuthFacts facts;
  facts.route = &route;
  facts.credentials = credentials;
  const AuthorizeQuestion asked = QuestionFor(facts);
  EXPECT_EQ(asked.credentials.at(0).jwt, "a.b.c");
  EXPECT_EQ(asked.credentials.at(1).login, "ali:sesame");
  EXPECT_EQ(asked.credentials.at(1).mechanism, "basic");
  const AuthorizeQuestion reported = ReportedQuestion(facts);
  for (const CredentialFact& credential : reported.credentials) {
    EXPECT_EQ(credential.jwt, "");
    EXPECT_EQ(credential.login, "");
    EXPECT_EQ(credential.sha256.size(), credential.mechanism == "basic" ? 0u : 32u);
  }
}

TEST(QuestionFor, SendsASignedTokenAndOfOthersTheHashAlone) {
  Route route;
  route.api_id = "a";
  std::vector<PresentedCredential> credentials;
  credentials.push_back({TokenKind::kToken, "header", base::Secret::CopyOf("secret")});
  credentials.push_back(
      {TokenKind::kJwt, "header", base::Secret::CopyOf("a.b.c"), "authorization"});
  credentials.push_back(
      {TokenKind::kJwt, "query", base::Secret::CopyOf(std::string(16 * 1024 + 1, 'a')), "t"});
  AuthFacts facts;
  facts.route = &route;
  facts.credentials = credentials;
  const AuthorizeQuestion question = QuestionFor(facts);
  ASSERT_EQ(question.credentials.size(), 3u);
  EXPECT_EQ(question.credentials[0].jwt, "");
  EXPECT_EQ(question.credentials[1].jwt, "a.b.c");
  EXPECT_EQ(question.credentials[1].name, "authorization");
  EXPECT_EQ(question.credentials[2].jwt, "");  // no longer one is read
}

TEST(CheckScopes, OneOfThoseAskedForIsEnough) {
  Decision decision;
  RouteOperation operation;
  EXPECT_FALSE(CheckScopes(decision, operation).has_value());
  operation.scopes = {"a", "b"};
  ASSERT_TRUE(CheckScopes(decision, operation).has_value());
  EXPECT_EQ(CheckScopes(decision, operation)->reason, base::Reason::kScopeMissing);
  decision.grants.scopes = {"ab", "B"};
  EXPECT_TRUE(CheckScopes(decision, operation).has_value());
  decision.grants.scopes.push_back("b");
  EXPECT_FALSE(CheckScopes(decision, operation).has_value());
}

TEST(Strip, LeavesTheRestAlone) {
  EXPECT_EQ(StripQueryParameter("a=1&auth=x&b=%20&%61uth=y", "auth"), "a=1&b=%20");
  EXPECT_EQ(StripCookie("a=1; session=x; b=2;session=y", "session"), "a=1; b=2");
  EXPECT_EQ(StripCookie("session=x", "session"), "");
}

}  // namespace
}  // namespace sallyport::dataplane
