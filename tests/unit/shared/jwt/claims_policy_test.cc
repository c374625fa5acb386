#include "shared/jwt/claims_policy.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/pem.h"
#include "shared/jwt/base64url.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"

namespace sallyport::jwt {
namespace {

constexpr int64_t kNow = 1'780'272'000;

Refusal Check(absl::string_view body, const ClaimsPolicy& policy, ClaimsFacts facts = {},
              absl::string_view type = "") {
  absl::StatusOr<Json> json = ReadJsonObject(body, {});
  EXPECT_TRUE(json.ok()) << body;
  if (facts.now == absl::Time()) facts.now = absl::FromUnixSeconds(kNow);
  const Claims claims = {std::string(type), json.ok() ? *std::move(json) : Json()};
  return CheckClaims(claims, policy, facts);
}

// Asks for nothing but what is in the token.
ClaimsPolicy Lax() {
  ClaimsPolicy policy;
  policy.require_expiry = false;
  return policy;
}

std::string Expires(int64_t in_seconds) {
  return absl::StrCat(R"({"exp":)", kNow + in_seconds, "}");
}

TEST(ExpiryTest, IsOverAtItsSecond) {
  EXPECT_EQ(Check(Expires(1), {}), Refusal::kNone);
  EXPECT_EQ(Check(Expires(0), {}), Refusal::kExpired);
  EXPECT_EQ(Check(Expires(-1), {}), Refusal::kExpired);
  EXPECT_EQ(Check(R"({"exp":0})", {}), Refusal::kExpired);
}

TEST(ExpiryTest, LeewayHasAnEnd) {
  ClaimsPolicy policy;
  policy.expiry_leeway = absl::Seconds(30);
  EXPECT_EQ(Check(Expires(-29), policy), Refusal::kNone);
  EXPECT_EQ(Check(Expires(-30), policy), Refusal::kExpired);
  policy.expiry_leeway = absl::InfiniteDuration();
  EXPECT_EQ(Check(Expires(-3599), policy), Refusal::kNone);
  EXPECT_EQ(Check(Expires(-3600), policy), Refusal::kExpired);
  policy.expiry_leeway = -absl::Seconds(30);
  EXPECT_EQ(Check(Expires(1), policy), Refusal::kNone);
  policy.expiry_leeway = -absl::InfiniteDuration();
  EXPECT_EQ(Check(Expires(1), policy), Refusal::kNone);
  EXPECT_EQ(Check(Expires(0), policy), Refusal::kExpired);
}

TEST(ExpiryTest, IsDemandedUnlessSwitchedOff) {
  EXPECT_EQ(Check("{}", {}), Refusal::kNoExpiry);
  EXPECT_EQ(Check("{}", Lax()), Refusal::kNone);
  EXPECT_EQ(Check(Expires(-1), Lax()), Refusal::kExpired);
}

TEST(ExpiryTest, OfAnotherTypeOrRangeIsRefused) {
  for (const char* value : {R"("1999999999")", "null", "true", "[1999999999]", "-1", "1e300",
                            "99999999999999999999", "1999999999000"}) {
    const std::string body = absl::StrCat(R"({"exp":)", value, "}");
    EXPECT_EQ(Check(body, {}), Refusal::kClaimMalformed) << value;
    EXPECT_EQ(Check(body, Lax()), Refusal::kClaimMalformed) << value;
  }
}

TEST(NotBeforeTest, IsReachedAtItsSecond) {
  const auto from = [](int64_t in) { return absl::StrCat(R"({"nbf":)", kNow + in, "}"); };
  ClaimsPolicy policy = Lax();
  EXPECT_EQ(Check(from(0), policy), Refusal::kNone);
  EXPECT_EQ(Check(from(1), policy), Refusal::kNotYetValid);
  EXPECT_EQ(Check(from(1'000'000), policy), Refusal::kNotYetValid);
  policy.not_before_leeway = absl::Seconds(5);
  EXPECT_EQ(Check(from(5), policy), Refusal::kNone);
  EXPECT_EQ(Check(from(6), policy), Refusal::kNotYetValid);
  policy.not_before_leeway = absl::InfiniteDuration();
  EXPECT_EQ(Check(from(3601), policy), Refusal::kNotYetValid);
  policy.not_before_leeway = -absl::Seconds(5);
  EXPECT_EQ(Check(from(0), policy), Refusal::kNone);
  EXPECT_EQ(Check(R"({"nbf":"0"})", policy), Refusal::kClaimMalformed);
}

TEST(IssuedAtTest, IsNotInTheFuture) {
  const auto at = [](int64_t in) { return absl::StrCat(R"({"iat":)", kNow + in, "}"); };
  ClaimsPolicy policy = Lax();
  EXPECT_EQ(Check(at(0), policy), Refusal::kNone);
  EXPECT_EQ(Check(at(1), policy), Refusal::kIssuedInFuture);
  policy.expiry_leeway = absl::Seconds(60);  // each claim has its own
  policy.not_before_leeway = absl::Seconds(60);
  EXPECT_EQ(Check(at(1), policy), Refusal::kIssuedInFuture);
  policy.issued_at_leeway = absl::Seconds(60);
  EXPECT_EQ(Check(at(60), policy), Refusal::kNone);
  EXPECT_EQ(Check(at(61), policy), Refusal::kIssuedInFuture);
  EXPECT_EQ(Check(R"({"iat":[]})", policy), Refusal::kClaimMalformed);
}

TEST(IssuerTest, IsComparedByteByByte) {
  ClaimsPolicy policy = Lax();
  EXPECT_EQ(Check(R"({"iss":"anybody"})", policy), Refusal::kNone);
  policy.issuer = "https://idp.example/";
  EXPECT_EQ(Check(R"({"iss":"https://idp.example/"})", policy), Refusal::kNone);
  for (const char* body :
       {"{}", R"({"iss":""})", R"({"iss":"https://idp.example"})",
        R"({"iss":"https://IDP.example/"})", R"({"iss":"https://idp.example/ "})",
        R"({"iss":"https://idp.example/x"})", R"({"ISS":"https://idp.example/"})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kIssuer) << body;
  }
  for (const char* body :
       {R"({"iss":["https://idp.example/"]})", R"({"iss":1})", R"({"iss":null})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kClaimMalformed) << body;
  }
  policy.issuer = "";  // a setting that came out empty lets nobody in
  EXPECT_EQ(Check(R"({"iss":""})", policy), Refusal::kIssuer);
  EXPECT_EQ(Check("{}", policy), Refusal::kIssuer);
}

TEST(AudienceTest, OneOfThemIsEnough) {
  ClaimsPolicy policy = Lax();
  EXPECT_EQ(Check(R"({"aud":"anything"})", policy), Refusal::kNone);
  policy.audiences = {"api", "other"};
  for (const char* body : {R"({"aud":"api"})", R"({"aud":["x","other"]})", R"({"aud":["api"]})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kNone) << body;
  }
  for (const char* body : {"{}", R"({"aud":""})", R"({"aud":[]})", R"({"aud":"api other"})",
                           R"({"aud":"API"})", R"({"aud":["x","apis"]})", R"({"aud":"ap"})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kAudience) << body;
  }
  for (const char* body : {R"({"aud":1})", R"({"aud":null})", R"({"aud":["api",1]})",
                           R"({"aud":{"api":1}})", R"({"aud":[["api"]]})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kClaimMalformed) << body;
  }
  policy.audiences = {""};
  EXPECT_EQ(Check(R"({"aud":""})", policy), Refusal::kAudience);
}

TEST(RequiredClaimsTest, MustSaySomething) {
  ClaimsPolicy policy = Lax();
  policy.required_claims = {"sub", "azp"};
  EXPECT_EQ(Check(R"({"sub":"a","azp":0})", policy), Refusal::kNone);
  EXPECT_EQ(Check(R"({"sub":["a"],"azp":false})", policy), Refusal::kNone);
  for (const char* body : {"{}", R"({"sub":"a"})", R"({"azp":"a"})", R"({"sub":"","azp":"a"})",
                           R"({"sub":null,"azp":"a"})", R"({"sub":[],"azp":"a"})",
                           R"({"sub":{},"azp":"a"})", R"({"x":{"sub":"a"},"azp":"a"})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kClaimMissing) << body;
  }
}

TEST(TypeTest, IsOneOfThoseNamed) {
  ClaimsPolicy policy = Lax();
  EXPECT_EQ(Check("{}", policy, {}, "anything"), Refusal::kNone);
  policy.types = {"at+jwt"};
  EXPECT_EQ(Check("{}", policy, {}, "at+jwt"), Refusal::kNone);
  for (const char* type : {"", "jwt", "at", "at+jwt+x"}) {
    EXPECT_EQ(Check("{}", policy, {}, type), Refusal::kTokenType) << type;
  }
}

class BindingTest : public ::testing::Test {
 protected:
  BindingTest() : leaf_(crypto::ParsePem(vectors::kRfc8705Certificate).value().chain.front()) {
    facts_.leaf_sha256 = leaf_->fingerprint;
  }
  static std::string Bound(absl::string_view thumbprint) {
    return absl::StrCat(R"({"cnf":{"x5t#S256":")", thumbprint, R"("}})");
  }
  crypto::CertificatePtr leaf_;
  ClaimsFacts facts_;
  ClaimsPolicy policy_ = Lax();
};

TEST_F(BindingTest, TakesTheExampleOfRfc8705) {
  EXPECT_EQ(Check(Bound(vectors::kRfc8705Thumbprint), policy_, facts_), Refusal::kNone);
  policy_.binding = Binding::kRequired;
  EXPECT_EQ(Check(Bound(vectors::kRfc8705Thumbprint), policy_, facts_), Refusal::kNone);
}

TEST_F(BindingTest, AnotherCertificateIsRefused) {
  // RFC 8705 section 3.1.
  EXPECT_EQ(Check(Bound("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"), policy_, facts_),
            Refusal::kClaimMalformed);  // its last character has a spare bit set
  EXPECT_EQ(Check(Bound("bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"), policy_, facts_),
            Refusal::kBindingMismatch);
  const std::string other(32, 'x');
  facts_.leaf_sha256 = other;
  EXPECT_EQ(Check(Bound(vectors::kRfc8705Thumbprint), policy_, facts_), Refusal::kBindingMismatch);
}

TEST_F(BindingTest, WithoutACertificateIsRefused) {
  facts_.leaf_sha256 = "";
  EXPECT_EQ(Check(Bound(vectors::kRfc8705Thumbprint), policy_, facts_),
            Refusal::kBindingNoCertificate);
  EXPECT_EQ(Check(Bound(EncodeBase64Url("")), policy_, facts_), Refusal::kClaimMalformed);
  EXPECT_EQ(Check("{}", policy_, facts_), Refusal::kNone);
}

TEST_F(BindingTest, IsDemandedWhereThePolicySaysSo) {
  EXPECT_EQ(Check("{}", policy_, facts_), Refusal::kNone);
  policy_.binding = Binding::kRequired;
  EXPECT_EQ(Check("{}", policy_, facts_), Refusal::kBindingMissing);
  facts_.leaf_sha256 = "";
  EXPECT_EQ(Check("{}", policy_, facts_), Refusal::kBindingMissing);
}

TEST_F(BindingTest, OtherMethodsAreRefused) {
  const std::string good = vectors::kRfc8705Thumbprint;
  for (const std::string& members :
       {std::string(), std::string(R"("jkt":"abc")"), std::string(R"("jwk":{})"),
        std::string(R"("x5t":"abc")"), absl::StrCat(R"("X5T#S256":")", good, "\""),
        absl::StrCat(R"("x5t#S256":")", good, R"(","jkt":"abc")")}) {
    EXPECT_EQ(Check(absl::StrCat(R"({"cnf":{)", members, "}}"), policy_, facts_),
              Refusal::kBindingUnsupported)
        << members;
  }
}

TEST_F(BindingTest, AnyOtherSpellingIsRefused) {
  const std::string good = vectors::kRfc8705Thumbprint;
  for (const std::string& text : {good + "=", good.substr(1), good + "A", " " + good,
                                  base::Hex(leaf_->fingerprint), std::string()}) {
    EXPECT_EQ(Check(Bound(text), policy_, facts_), Refusal::kClaimMalformed) << text;
  }
  for (const char* cnf : {"null", "[]", "\"x\"", "1", R"({"x5t#S256":1})", R"({"x5t#S256":null})",
                          R"({"x5t#S256":["A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"]})"}) {
    EXPECT_EQ(Check(absl::StrCat(R"({"cnf":)", cnf, "}"), policy_, facts_),
              Refusal::kClaimMalformed)
        << cnf;
  }
}

TEST(ScopeTest, AnyOfAndAllOf) {
  ClaimsPolicy policy = Lax();
  const char* const body = R"({"scope":"read write","scp":["admin"]})";
  policy.any_scope = {"nothing", "admin"};
  EXPECT_EQ(Check(body, policy), Refusal::kNone);
  policy.any_scope = {"nothing"};
  EXPECT_EQ(Check(body, policy), Refusal::kScope);
  policy.any_scope = {};
  policy.all_scopes = {"read", "admin"};
  EXPECT_EQ(Check(body, policy), Refusal::kNone);
  policy.all_scopes = {"read", "delete"};
  EXPECT_EQ(Check(body, policy), Refusal::kScope);
  policy.any_scope = {"read"};
  EXPECT_EQ(Check(body, policy), Refusal::kScope);
}

TEST(ScopeTest, IsAWholeWordOfTheNamedClaims) {
  ClaimsPolicy policy = Lax();
  policy.any_scope = {"read"};
  for (const char* body :
       {"{}", R"({"scope":""})", R"({"scope":"readwrite"})", R"({"scope":"READ"})",
        R"({"scope":"rea d"})", R"({"scope":"read,write"})", R"({"scope":"read\twrite"})",
        R"({"scope":[]})", R"({"roles":"read"})", R"({"scp":["read write"]})"}) {
    EXPECT_EQ(Check(body, policy), Refusal::kScope) << body;
  }
  EXPECT_EQ(Check(R"({"scope":{"read":true}})", policy), Refusal::kClaimMalformed);
  policy.scope_claims = {"roles"};
  EXPECT_EQ(Check(R"({"roles":["read"]})", policy), Refusal::kNone);
  EXPECT_EQ(Check(R"({"scope":"read"})", policy), Refusal::kScope);
  policy.any_scope = {""};
  EXPECT_EQ(Check(R"({"roles":[""]})", policy), Refusal::kScope);
}

TEST(CheckClaimsTest, TheFirstReasonIsTold) {
  // A caller whose token is not good learns nothing of its scopes.
  ClaimsPolicy policy;
  policy.issuer = "i";
  policy.audiences = {"a"};
  policy.required_claims = {"sub"};
  policy.any_scope = {"s"};
  policy.types = {"jwt"};
  const auto check = [&](absl::string_view members, absl::string_view type = "jwt") {
    return Check(absl::StrCat("{", members, "}"), policy, {}, type);
  };
  const std::string exp = absl::StrCat(R"("exp":)", kNow + 1);
  EXPECT_EQ(check("", ""), Refusal::kTokenType);
  EXPECT_EQ(check(""), Refusal::kNoExpiry);
  EXPECT_EQ(check(exp), Refusal::kIssuer);
  EXPECT_EQ(check(exp + R"(,"iss":"i")"), Refusal::kAudience);
  EXPECT_EQ(check(exp + R"(,"iss":"i","aud":"a")"), Refusal::kClaimMissing);
  const std::string all_but_scope = exp + R"(,"iss":"i","aud":"a","sub":"x")";
  EXPECT_EQ(check(all_but_scope), Refusal::kScope);
  EXPECT_EQ(check(all_but_scope + R"(,"cnf":{"jkt":"x"})"), Refusal::kBindingUnsupported);
  EXPECT_EQ(check(all_but_scope + R"(,"scope":"s")"), Refusal::kNone);
}

}  // namespace
}  // namespace sallyport::jwt
