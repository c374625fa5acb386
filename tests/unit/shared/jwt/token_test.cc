#include "shared/jwt/token.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/jwt/verify.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::jwt {
namespace {

using signing::AllAlgorithms;
using signing::SigningInput;
using signing::WithSignature;

constexpr absl::string_view kClaims = R"({"iss":"joe"})";

Refusal Parse(absl::string_view text, const AlgorithmSet& allowed = AllAlgorithms()) {
  Token token;
  return ParseToken(text, allowed, &token);
}

// Of a token with that header, good claims and some signature.
Refusal ParseHeader(absl::string_view header, const AlgorithmSet& allowed = AllAlgorithms()) {
  return Parse(WithSignature(SigningInput(header, kClaims), "signature"), allowed);
}

Refusal ParseClaims(absl::string_view claims) {
  return Parse(WithSignature(SigningInput(R"({"alg":"RS256"})", claims), "signature"));
}

TEST(ParseTokenTest, TakesAGoodOne) {
  Token token;
  const std::string text = WithSignature(
      SigningInput(R"({"typ":"JWT","alg":"RS256","kid":"k1","x5t":"abc"})", kClaims), "sig");
  ASSERT_EQ(ParseToken(text, {Algorithm::kRs256}, &token), Refusal::kNone);
  EXPECT_EQ(token.algorithm(), Algorithm::kRs256);
  EXPECT_EQ(token.key_id(), "k1");
  EXPECT_EQ(token.unverified_issuer(), "joe");
  EXPECT_EQ(Parse(vectors::kRfc7515A1Token), Refusal::kNone);
}

TEST(ParseTokenTest, RefusesNoneInEverySpelling) {
  for (const char* name : {"none", "None", "NONE", "nOnE", "nonE", "none ", " none", "", "null",
                           "non\\u0065", "no\\u0000ne", "N\\u004FNE"}) {
    const std::string input = SigningInput(absl::StrCat(R"({"alg":")", name, R"("})"), kClaims);
    const Refusal refusal = Parse(absl::StrCat(input, "."));
    EXPECT_TRUE(refusal == Refusal::kAlgorithm || refusal == Refusal::kMalformed) << name;
    EXPECT_NE(Parse(WithSignature(input, "x")), Refusal::kNone) << name;
  }
  // RFC 7515 A.5.
  EXPECT_EQ(Parse("eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9"
                  "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."),
            Refusal::kAlgorithm);
}

TEST(ParseTokenTest, RefusesAnAlgorithmThatTheCallerDidNotName) {
  for (const Algorithm algorithm : signing::kPublicKeyAlgorithms) {
    const std::string header = signing::HeaderOf(algorithm);
    EXPECT_EQ(ParseHeader(header), Refusal::kNone);
    EXPECT_EQ(ParseHeader(header, {}), Refusal::kAlgorithm);
    EXPECT_EQ(ParseHeader(header, {Algorithm::kHs256}), Refusal::kAlgorithm);
  }
  EXPECT_EQ(ParseHeader(R"({"alg":"HS256"})", PublicKeyAlgorithms()), Refusal::kAlgorithm);
  for (const char* alg : {R"("rs256")", R"("RS256 ")", R"("RSA-OAEP")", R"("ES256K")"}) {
    EXPECT_EQ(ParseHeader(absl::StrCat(R"({"alg":)", alg, "}")), Refusal::kAlgorithm) << alg;
  }
}

TEST(ParseTokenTest, LooksAtTheAlgorithmFirst) {
  const std::string header = EncodeBase64Url(R"({"alg":"none","crit":["x"],"kid":7})");
  for (const char* rest : {"..", ".*.*", ".e30.", ".bm90IGpzb24."}) {
    const std::string text = absl::StrCat(header, absl::string_view(rest).substr(0, 1),
                                          absl::string_view(rest).substr(1));
    EXPECT_EQ(Parse(text), Refusal::kAlgorithm) << rest;
  }
}

TEST(ParseTokenTest, RefusesHeaders) {
  for (const char* header :
       {"", "{}", "[]", "null", R"({"alg":null})", R"({"alg":["RS256"]})", R"({"alg":256})",
        R"({"ALG":"RS256"})", R"({"alg":"RS256","alg":"RS256"})",
        R"({"alg":"RS256","\u0061lg":"none"})", R"({"alg":"RS256"}{})", R"({"alg":"RS256",})",
        R"({"alg":"RS256","kid":1})", R"({"alg":"RS256","kid":null})",
        R"({"alg":"RS256","kid":["a"]})", R"({"alg":"RS256","typ":1})",
        R"({"alg":"RS256","a":[[[[[[[1]]]]]]]})", R"({"alg":"RS256","a":{"b":1,"b":2}})"}) {
    EXPECT_EQ(ParseHeader(header), Refusal::kMalformed) << header;
  }
  const std::string long_id(kMostKeyIdBytes + 1, 'k');
  EXPECT_EQ(ParseHeader(absl::StrCat(R"({"alg":"RS256","kid":")", long_id, R"("})")),
            Refusal::kMalformed);
}

TEST(ParseTokenTest, RefusesCriticalHeaders) {
  for (const char* member :
       {R"("crit":["exp"])", R"("crit":[])", R"("crit":null)", R"("crit":"b64")", R"("b64":false)",
        R"("b64":true)", R"("b64":false,"crit":["b64"])", R"("\u006264":false)"}) {
    EXPECT_EQ(ParseHeader(absl::StrCat(R"({"alg":"RS256",)", member, "}")), Refusal::kCritical)
        << member;
  }
}

TEST(ParseTokenTest, RefusesEveryTruncation) {
  const absl::string_view good = vectors::kRfc7515A3Token;
  const std::vector<std::string> parts = absl::StrSplit(good, '.');
  ASSERT_EQ(Parse(good), Refusal::kNone);
  const size_t payload_end = parts[0].size() + parts[1].size() + 1;
  for (size_t size = 0; size <= payload_end + 1; ++size) {
    EXPECT_NE(Parse(good.substr(0, size)), Refusal::kNone) << size;
  }
}

TEST(ParseTokenTest, RefusesOtherShapes) {
  const std::vector<std::string> parts =
      absl::StrSplit(absl::string_view(vectors::kRfc7515A3Token), '.');
  const std::string& h = parts[0];
  const std::string& p = parts[1];
  const std::string& s = parts[2];
  for (const std::string& text : {
           std::string(),
           std::string("."),
           std::string(".."),
           std::string("..."),
           h,
           h + "." + p,
           h + "." + p + ".",
           h + ".." + s,
           "." + p + "." + s,
           h + "." + p + "." + s + ".",
           "." + h + "." + p + "." + s,
           h + "." + p + "." + s + "." + s,
           h + "." + p + "." + s + "." + s + "." + s,
           h + ".." + p + "." + s,
           h + "." + p + "." + s + "=",
           h + "=." + p + "." + s,
           h + "." + p + "==." + s,
           " " + h + "." + p + "." + s,
           h + "." + p + "." + s + "\n",
           h + "." + p + "." + s + " ",
           h + ". " + p + "." + s,
           h + "." + p + "." + s + "*",
           "Bearer " + h + "." + p + "." + s,
           h + "." + p + ".A",
       }) {
    EXPECT_EQ(Parse(text), Refusal::kMalformed) << text;
  }
  EXPECT_EQ(Parse(absl::StrCat(h, ".", p, ".", s, absl::string_view("\0", 1))),
            Refusal::kMalformed);
}

TEST(ParseTokenTest, RefusesClaims) {
  for (const char* claims :
       {"", "{", "[]", "\"text\"", "1", "null", R"({"a":1,"a":2})", R"({"exp":1,"\u0065xp":2})",
        R"({"exp":NaN})", R"({"exp":Infinity})", R"({"exp":1e999})", R"({"a":{"b":1,"b":2}})",
        R"({"iss":"a\u0000b"})", "{\"iss\":\"\xff\"}", R"({"iss":"joe"} {})"}) {
    EXPECT_EQ(ParseClaims(claims), Refusal::kMalformed) << claims;
  }
  EXPECT_EQ(ParseClaims("{}"), Refusal::kNone);
}

TEST(ParseTokenTest, HoldsItsBounds) {
  const auto nested = [](size_t depth) {
    return absl::StrCat(R"({"a":)", std::string(depth, '['), std::string(depth, ']'), "}");
  };
  EXPECT_EQ(ParseClaims(nested(15)), Refusal::kNone);
  EXPECT_EQ(ParseClaims(nested(16)), Refusal::kMalformed);
  EXPECT_EQ(ParseClaims(nested(4000)), Refusal::kMalformed);
  std::string members;
  for (int i = 0; i < 256; ++i) absl::StrAppend(&members, i == 0 ? "" : ",", "\"c", i, "\":1");
  EXPECT_EQ(ParseClaims(absl::StrCat("{", members, "}")), Refusal::kNone);
  EXPECT_EQ(ParseClaims(absl::StrCat("{", members, ",\"x\":1}")), Refusal::kMalformed);
  EXPECT_EQ(Parse(std::string(kMostTokenBytes, 'A')), Refusal::kMalformed);
  EXPECT_EQ(Parse(std::string(kMostTokenBytes + 1, 'A')), Refusal::kTooLarge);
  EXPECT_EQ(Parse(std::string(kMostTokenBytes + 1, '.')), Refusal::kTooLarge);
}

TEST(ParseTokenTest, ARefusedOneChangesNothing) {
  Token token;
  ASSERT_EQ(ParseToken(vectors::kRfc7515A1Token, AllAlgorithms(), &token), Refusal::kNone);
  ASSERT_NE(ParseToken("a.b.c", AllAlgorithms(), &token), Refusal::kNone);
  EXPECT_EQ(token.algorithm(), Algorithm::kHs256);
  EXPECT_EQ(token.unverified_issuer(), "joe");
}

TEST(ParseTokenTest, AnIssuerThatIsNoTextIsNone) {
  Token token;
  EXPECT_EQ(token.unverified_issuer(), "");
  const std::string text = WithSignature(SigningInput(R"({"alg":"RS256"})", R"({"iss":1})"), "s");
  ASSERT_EQ(ParseToken(text, AllAlgorithms(), &token), Refusal::kNone);
  EXPECT_EQ(token.unverified_issuer(), "");
}

}  // namespace
}  // namespace sallyport::jwt
