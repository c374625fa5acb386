#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/base64url.h"
#include "shared/jwt/json.h"
#include "shared/jwt/refusal.h"

namespace sallyport::jwt {
namespace {

TEST(Base64UrlTest, RoundTrips) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    const std::optional<std::string> back = DecodeBase64Url(EncodeBase64Url(bytes));
    ASSERT_TRUE(back.has_value()) << i;
    EXPECT_EQ(*back, bytes);
    bytes.push_back(static_cast<char>(i * 7));
  }
  EXPECT_EQ(EncodeBase64Url("\xfb\xff"), "-_8");
  EXPECT_EQ(DecodeBase64Url("").value_or("x"), "");
}

TEST(Base64UrlTest, RefusesEveryOtherSpelling) {
  for (const char* text : {"A", "AAAAA", "QQ==", "QQ=", "QUI=", "+_8", "-/8", "Q Q", "QQ\n", " QQ",
                           "QR", "QUJ", "QQ.", "Q\xc3\xa9", "-_9"}) {
    EXPECT_FALSE(DecodeBase64Url(text).has_value()) << text;
  }
  EXPECT_FALSE(DecodeBase64Url(absl::string_view("QQ\0Q", 4)).has_value());
}

TEST(Base64UrlTest, OneValueHasOneText) {
  // Of the 64 last characters only those whose unused bits are zero are taken: 4 and 16.
  const absl::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  int two = 0;
  int three = 0;
  for (char c : alphabet) {
    two += DecodeBase64Url(absl::StrCat("A", absl::string_view(&c, 1))).has_value() ? 1 : 0;
    three += DecodeBase64Url(absl::StrCat("AA", absl::string_view(&c, 1))).has_value() ? 1 : 0;
  }
  EXPECT_EQ(two, 4);
  EXPECT_EQ(three, 16);
}

TEST(JsonTest, Reads) {
  const absl::StatusOr<Json> json = ReadJsonObject(
      R"( {"a":1,"b":-2.5,"c":"\u00e9\"","d":[true,null,{"e":{}}],"f":18446744073709551615} )", {});
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->Find("a")->integer, 1);
  EXPECT_EQ(json->Find("b")->number, -2.5);
  EXPECT_EQ(json->Find("c")->text, "\xc3\xa9\"");
  ASSERT_EQ(json->Find("d")->items.size(), 3U);
  EXPECT_TRUE(json->Find("d")->items[0].boolean);
  EXPECT_TRUE(json->Find("d")->items[2].Find("e")->IsObject());
  EXPECT_EQ(json->Find("f")->type, Json::Type::kDouble);
  EXPECT_EQ(json->Find("g"), nullptr);
  EXPECT_EQ(json->Find("a")->Find("a"), nullptr);
}

TEST(JsonTest, RefusesWhatIsNotOneObject) {
  for (const char* text : {"",
                           " ",
                           "1",
                           "\"a\"",
                           "null",
                           "[]",
                           "[{}]",
                           "{",
                           "{}}",
                           "{} {}",
                           "{}x",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{'a':1}",
                           "{\"a\":01}",
                           "{\"a\":+1}",
                           "{\"a\":.5}",
                           "{\"a\":NaN}",
                           "{\"a\":Infinity}",
                           "{\"a\":-Infinity}",
                           "{\"a\":1e999}",
                           "{\"a\":-1e999}",
                           "{\"a\":nan}",
                           "{/**/}",
                           "{\"a\":\"\x01\"}",
                           "{\"a\":\"\xff\"}",
                           "{\"a\":\"\xc0\x80\"}",
                           "{\"a\":\"\xed\xa0\x80\"}",
                           "{\"a\":\"\\ud800\"}",
                           "{\"a\":tru}",
                           "\xef\xbb\xbf{}"}) {
    EXPECT_FALSE(ReadJsonObject(text, {}).ok()) << text;
  }
}

TEST(JsonTest, RefusesZeroBytes) {
  EXPECT_FALSE(ReadJsonObject(absl::string_view("{}\0", 3), {}).ok());
  EXPECT_FALSE(ReadJsonObject(absl::string_view("{}\0{\"a\":1}", 10), {}).ok());
  EXPECT_FALSE(ReadJsonObject(absl::string_view("\0{}", 3), {}).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"a":"x\u0000y"})", {}).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"x\u0000y":1})", {}).ok());
}

TEST(JsonTest, RefusesANameThatStandsTwice) {
  EXPECT_FALSE(ReadJsonObject(R"({"a":1,"a":1})", {}).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"a":1,"b":2,"\u0061":1})", {}).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"o":{"a":1,"a":2}})", {}).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"l":[{"a":1,"a":2}]})", {}).ok());
  EXPECT_TRUE(ReadJsonObject(R"({"a":1,"A":2,"o":{"a":3}})", {}).ok());
}

TEST(JsonTest, HoldsItsBounds) {
  const auto nested = [](int depth) {
    return absl::StrCat("{\"a\":", std::string(static_cast<size_t>(depth), '['),
                        std::string(static_cast<size_t>(depth), ']'), "}");
  };
  JsonLimits limits;
  limits.max_depth = 4;
  EXPECT_TRUE(ReadJsonObject(nested(3), limits).ok());
  EXPECT_FALSE(ReadJsonObject(nested(4), limits).ok());
  EXPECT_FALSE(ReadJsonObject(nested(5000), {}).ok());
  limits = {};
  limits.max_values = 4;
  EXPECT_TRUE(ReadJsonObject(R"({"a":[1,2]})", limits).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"a":[1,2,3]})", limits).ok());
  limits = {};
  limits.max_members = 2;
  EXPECT_TRUE(ReadJsonObject(R"({"a":1,"b":2})", limits).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"a":1,"b":2,"c":3})", limits).ok());
  limits = {};
  limits.max_bytes = 7;
  EXPECT_TRUE(ReadJsonObject(R"({"a":1})", limits).ok());
  EXPECT_FALSE(ReadJsonObject(R"({"a":12})", limits).ok());
}

TEST(JsonTest, ErrorsDoNotQuoteTheText) {
  const absl::StatusOr<Json> json = ReadJsonObject(R"({"secret-name":hunter2)", {});
  ASSERT_FALSE(json.ok());
  EXPECT_EQ(json.status().message(), "not valid JSON");
}

TEST(AlgorithmTest, NamesAreExact) {
  for (const char* name : {"none", "None", "NONE", "nOnE", "", " ", "HS256 ", " HS256", "hs256",
                           "RS1", "ES256K", "EdDSA25519", "eddsa", "HMAC", "RSA-OAEP", "dir"}) {
    EXPECT_FALSE(AlgorithmFromName(name).has_value()) << name;
  }
  for (const char* name : {"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384",
                           "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
    ASSERT_TRUE(AlgorithmFromName(name).has_value()) << name;
    EXPECT_EQ(AlgorithmName(*AlgorithmFromName(name)), name);
  }
}

TEST(AlgorithmTest, ASetHasNothingUnlessSaid) {
  EXPECT_TRUE(AlgorithmSet().empty());
  EXPECT_FALSE(AlgorithmSet().Has(Algorithm::kHs256));
  const AlgorithmSet one = {Algorithm::kEdDsa};
  EXPECT_TRUE(one.Has(Algorithm::kEdDsa));
  EXPECT_FALSE(one.Has(Algorithm::kHs256));
  for (const Algorithm algorithm : {Algorithm::kHs256, Algorithm::kHs384, Algorithm::kHs512}) {
    EXPECT_FALSE(PublicKeyAlgorithms().Has(algorithm));
    EXPECT_TRUE(IsSymmetric(algorithm));
  }
  EXPECT_TRUE(PublicKeyAlgorithms().Has(Algorithm::kRs256));
}

TEST(RefusalTest, HasNames) {
  EXPECT_EQ(RefusalName(Refusal::kAlgorithm), "ALGORITHM_NOT_ALLOWED");
  EXPECT_EQ(RefusalName(Refusal::kScope), "SCOPE");
  EXPECT_FALSE(RefusalText(Refusal::kBindingUnsupported).empty());
}

}  // namespace
}  // namespace sallyport::jwt
