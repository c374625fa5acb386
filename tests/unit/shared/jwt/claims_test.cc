#include "shared/jwt/claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace sallyport::jwt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Claims Of(absl::string_view body) {
  absl::StatusOr<Json> json = ReadJsonObject(body, {});
  EXPECT_TRUE(json.ok()) << body;
  return {"", json.ok() ? *std::move(json) : Json()};
}

std::string Identity(absl::string_view value) {
  return IdentityClaim(Of(absl::StrCat(R"({"c":)", value, "}")), "c").value_or("(none)");
}

TEST(IdentityClaimTest, TakesTextsAndWholeNumbers) {
  EXPECT_EQ(Identity(R"("alice")"), "alice");
  EXPECT_EQ(Identity(R"("J\u00fcrgen \u00a0x")"), "J\xc3\xbcrgen \xc2\xa0x");
  EXPECT_EQ(Identity("0"), "0");
  EXPECT_EQ(Identity("-7"), "-7");
  EXPECT_EQ(Identity("9007199254740992"), "9007199254740992");
  EXPECT_EQ(Identity(absl::StrCat("\"", std::string(kMostIdentityBytes, 'x'), "\"")).size(),
            kMostIdentityBytes);
}

TEST(IdentityClaimTest, RefusesEverythingElse) {
  for (const char* value : {"\"\"", "null", "true", "false", "[]", "[\"alice\"]", "{}", "1.5",
                            "1e3", "9007199254740993", "-9007199254740993", "18446744073709551616",
                            "\"a\\nb\"", "\"a\\u0001\"", "\"a\\r\\nX-Role: admin\"", "\"a\\u007f\"",
                            "\"a\\u0085b\"", "\"\\u009f\""}) {
    EXPECT_EQ(Identity(value), "(none)") << value;
  }
  EXPECT_EQ(Identity(absl::StrCat("\"", std::string(kMostIdentityBytes + 1, 'x'), "\"")), "(none)");
  EXPECT_FALSE(IdentityClaim(Of("{}"), "c").has_value());
  EXPECT_FALSE(IdentityClaim(Of(R"({"C":"x"})"), "c").has_value());
  EXPECT_FALSE(IdentityClaim(Of(R"({"a":{"b":"x"}})"), "a.b").has_value());
  EXPECT_EQ(IdentityClaim(Of(R"({"a.b":"x"})"), "a.b").value_or(""), "x");
  EXPECT_FALSE(IdentityClaim(Claims(), "c").has_value());
}

TEST(TimeClaimTest, TakesNumbersFrom1970To9999) {
  std::optional<absl::Time> time;
  ASSERT_TRUE(ReadTimeClaim(Of(R"({"t":1300819380})"), "t", &time));
  EXPECT_EQ(time, absl::FromUnixSeconds(1300819380));
  ASSERT_TRUE(ReadTimeClaim(Of(R"({"t":0})"), "t", &time));
  EXPECT_EQ(time, absl::UnixEpoch());
  ASSERT_TRUE(ReadTimeClaim(Of(R"({"t":1.5})"), "t", &time));
  EXPECT_EQ(time, absl::FromUnixMillis(1500));
  ASSERT_TRUE(ReadTimeClaim(Of(R"({"t":1.30081938e9})"), "t", &time));
  EXPECT_EQ(time, absl::FromUnixSeconds(1300819380));
  ASSERT_TRUE(ReadTimeClaim(Of(R"({"t":253402300799})"), "t", &time));
  ASSERT_TRUE(ReadTimeClaim(Of("{}"), "t", &time));
  EXPECT_FALSE(time.has_value());
}

TEST(TimeClaimTest, RefusesEverythingElse) {
  for (const char* value :
       {"\"1300819380\"", "\"2030-01-01T00:00:00Z\"", "null", "true", "[]", "[1300819380]", "{}",
        "-1", "-0.5", "253402300800", "1300819380000000", "9223372036854775807",
        "18446744073709551615", "18446744073709551616", "1e308", "-1e308"}) {
    std::optional<absl::Time> time = absl::UnixEpoch();
    EXPECT_FALSE(ReadTimeClaim(Of(absl::StrCat(R"({"t":)", value, "}")), "t", &time)) << value;
    EXPECT_FALSE(time.has_value()) << value;
  }
}

TEST(TextsClaimTest, TakesOneOrAList) {
  std::vector<absl::string_view> texts;
  const Claims one = Of(R"({"aud":"a b"})");
  ASSERT_TRUE(ReadTextsClaim(one, "aud", &texts));
  EXPECT_THAT(texts, ElementsAre("a b"));
  const Claims two = Of(R"({"aud":["a","b"]})");
  ASSERT_TRUE(ReadTextsClaim(two, "aud", &texts));
  EXPECT_THAT(texts, ElementsAre("a", "b"));
  ASSERT_TRUE(ReadTextsClaim(Of("{}"), "aud", &texts));
  EXPECT_THAT(texts, IsEmpty());
  for (const char* value : {"1", "null", "{}", "true", R"(["a",1])", R"([["a"]])", "[null]"}) {
    EXPECT_FALSE(ReadTextsClaim(Of(absl::StrCat(R"({"aud":)", value, "}")), "aud", &texts))
        << value;
  }
}

TEST(ScopesTest, AreTheUnionOfTheClaims) {
  std::vector<absl::string_view> scopes;
  const Claims claims = Of(R"({"scope":"  read write ","scp":["admin","x y"],"roles":["z"]})");
  ASSERT_TRUE(ReadScopes(claims, {"scope", "scp"}, &scopes));
  EXPECT_THAT(scopes, ElementsAre("read", "write", "admin", "x y"));
  ASSERT_TRUE(ReadScopes(claims, {"roles", "absent"}, &scopes));
  EXPECT_THAT(scopes, ElementsAre("z"));
  ASSERT_TRUE(ReadScopes(claims, {}, &scopes));
  EXPECT_THAT(scopes, IsEmpty());
  const Claims list = Of(R"({"scope":["read"],"scp":"write\tadmin"})");
  ASSERT_TRUE(ReadScopes(list, {"scope", "scp"}, &scopes));
  EXPECT_THAT(scopes, ElementsAre("read", "write\tadmin"));
}

TEST(ScopesTest, RefusesOtherTypes) {
  std::vector<absl::string_view> scopes;
  for (const char* value : {"1", "null", "{}", "true", R"(["a",1])", R"([["admin"]])"}) {
    EXPECT_FALSE(ReadScopes(Of(absl::StrCat(R"({"scope":)", value, "}")), {"scope"}, &scopes))
        << value;
  }
}

}  // namespace
}  // namespace sallyport::jwt
