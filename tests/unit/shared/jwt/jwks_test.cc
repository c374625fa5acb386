#include "shared/jwt/jwks.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "shared/crypto/openssl.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::jwt {
namespace {

std::string Jwks(const std::vector<std::string>& keys) {
  return absl::StrCat(R"({"keys":[)", absl::StrJoin(keys, ","), "]}");
}

// A JWK with more members: With(key, R"("use":"sig")").
std::string With(absl::string_view jwk, absl::string_view members) {
  return absl::StrCat("{", members, ",", jwk.substr(1));
}

// Why the one key was skipped; "" when it was taken.
std::string WhySkipped(const std::string& jwk, bool allow_secrets = false) {
  JwksOptions options;
  options.allow_secrets = allow_secrets;
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({jwk}), options);
  if (!set.ok()) return std::string(set.status().message());
  EXPECT_EQ(set->keys.size() + set->skipped.size(), 1U);
  return set->skipped.empty() ? "" : set->skipped[0].why;
}

const char* const kRsa = vectors::kRfc7515A2Key;
const char* const kP256 = vectors::kRfc7515A3Key;
const char* const kP521 = vectors::kRfc7515A4Key;
const char* const kEd25519 = vectors::kRfc8037A4Key;
const char* const kOct = vectors::kRfc7515A1Key;

TEST(JwksTest, ReadsEachType) {
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({kRsa, kP256, kP521, kEd25519}));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_TRUE(set->skipped.empty());
  ASSERT_EQ(set->keys.size(), 4U);
  EXPECT_EQ(set->keys[0].type(), KeyType::kRsa);
  EXPECT_EQ(set->keys[1].type(), KeyType::kP256);
  EXPECT_EQ(set->keys[2].type(), KeyType::kP521);
  EXPECT_EQ(set->keys[3].type(), KeyType::kEd25519);
}

TEST(JwksTest, TheKeyOfRfc8705IsThatOfItsCertificate) {
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({vectors::kRfc8705Key}));
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->keys.size(), 1U);
  const absl::StatusOr<Key> certificate = ReadPublicKey(vectors::kRfc8705Certificate);
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_TRUE(set->keys[0].SameMaterial(*certificate));
}

TEST(JwksTest, OneBadKeyDoesNotCostTheOthers) {
  const absl::StatusOr<KeySet> set =
      ReadJwks(Jwks({R"({"kty":"quantum","kid":"q"})", kRsa, "17", kP256, "null"}));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->keys.size(), 2U);
  ASSERT_EQ(set->skipped.size(), 3U);
  EXPECT_EQ(set->skipped[0].index, 0U);
  EXPECT_EQ(set->skipped[0].id, "q");
  EXPECT_EQ(set->skipped[0].why, "kty is not RSA, EC or OKP");
  EXPECT_EQ(set->skipped[1].index, 2U);
  EXPECT_EQ(set->skipped[1].why, "not an object");
}

TEST(JwksTest, RefusesWhatIsNoSet) {
  for (const char* text : {"", "{}", "[]", R"({"keys":{}})", R"({"keys":null})", R"({"keys":"x"})",
                           R"({"keys":[],"keys":[]})", R"({"keys":[]}x)", R"({"keys":[{]})",
                           R"({"keys":[[[[[[[[[[]]]]]]]]]]})"}) {
    EXPECT_FALSE(ReadJwks(text).ok()) << text;
  }
  EXPECT_FALSE(ReadJwks(Jwks({With(kRsa, R"("e":"AQAB")")})).ok());  // a name twice
  const absl::StatusOr<KeySet> empty = ReadJwks(R"({"keys":[],"other":1})");
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->keys.empty());
}

TEST(JwksTest, HasBounds) {
  EXPECT_TRUE(ReadJwks(Jwks(std::vector<std::string>(kMostKeys, "{}"))).ok());
  EXPECT_FALSE(ReadJwks(Jwks(std::vector<std::string>(kMostKeys + 1, "{}"))).ok());
  EXPECT_FALSE(ReadJwks(absl::StrCat(Jwks({kRsa}), std::string(kMostJwksBytes, ' '))).ok());
}

TEST(JwksTest, HonoursUseAndOperations) {
  EXPECT_EQ(WhySkipped(With(kRsa, R"("use":"sig")")), "");
  EXPECT_EQ(WhySkipped(With(kRsa, R"("key_ops":["sign","verify"])")), "");
  for (const char* use :
       {R"("use":"enc")", R"("use":"")", R"("use":"SIG")", R"("use":["sig"])", R"("use":null)"}) {
    EXPECT_EQ(WhySkipped(With(kRsa, use)), "use is not sig") << use;
  }
  for (const char* operations :
       {R"("key_ops":[])", R"("key_ops":["sign"])", R"("key_ops":"verify")", R"("key_ops":null)",
        R"("key_ops":["encrypt","wrapKey"])", R"("use":"sig","key_ops":["deriveKey"])"}) {
    EXPECT_EQ(WhySkipped(With(kRsa, operations)), "key_ops is without verify") << operations;
  }
}

TEST(JwksTest, HonoursTheAlgorithm) {
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({With(kRsa, R"("alg":"PS384")")}));
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->keys.size(), 1U);
  EXPECT_TRUE(set->keys[0].Fits(Algorithm::kPs384));
  EXPECT_FALSE(set->keys[0].Fits(Algorithm::kRs256));
  for (const char* alg : {R"("alg":"HS256")", R"("alg":"ES256")", R"("alg":"EdDSA")"}) {
    EXPECT_EQ(WhySkipped(With(kRsa, alg)), "alg does not fit the key") << alg;
  }
  EXPECT_EQ(WhySkipped(With(kP256, R"("alg":"ES512")")), "alg does not fit the key");
  for (const char* alg : {R"("alg":"none")", R"("alg":"RSA-OAEP")", R"("alg":"")", R"("alg":1)",
                          R"("alg":null)", R"("alg":"rs256")"}) {
    EXPECT_EQ(WhySkipped(With(kRsa, alg)), "alg is not a signature algorithm that is verified");
  }
}

TEST(JwksTest, HonoursTheId) {
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({With(kRsa, R"("kid":"a/b c")")}));
  ASSERT_TRUE(set.ok());
  ASSERT_EQ(set->keys.size(), 1U);
  EXPECT_EQ(set->keys[0].id(), "a/b c");
  EXPECT_EQ(WhySkipped(With(kRsa, R"("kid":7)")), "kid is not a text");
  const std::string long_id(kMostKeyIdBytes + 1, 'k');
  EXPECT_EQ(WhySkipped(With(kRsa, absl::StrCat(R"("kid":")", long_id, "\""))), "kid is too long");
}

TEST(JwksTest, KeysOfOneIdStandSideBySideUnlessTheyAreTheSame) {
  const std::string rsa = With(kRsa, R"("kid":"k")");
  const std::string ec = With(kP256, R"("kid":"k")");
  const std::string other_ec = With(vectors::kRfc8705Key, R"("kid":"k")");
  const absl::StatusOr<KeySet> set = ReadJwks(Jwks({rsa, ec, other_ec, ec, kP256}));
  ASSERT_TRUE(set.ok());
  EXPECT_EQ(set->keys.size(), 4U);  // the last has no id: another way to be chosen
  ASSERT_EQ(set->skipped.size(), 1U);
  EXPECT_EQ(set->skipped[0].index, 3U);
  EXPECT_EQ(set->skipped[0].why, "the same key stands twice");
}

TEST(JwksTest, SecretsOnlyWhereAllowed) {
  EXPECT_EQ(WhySkipped(kOct), "a secret (kty oct) is not taken from this set");
  EXPECT_EQ(WhySkipped(kOct, true), "");
  EXPECT_EQ(WhySkipped(R"({"kty":"oct","k":"c2hvcnQ"})", true),
            "the secret is shorter than 32 bytes");
  EXPECT_EQ(WhySkipped(R"({"kty":"oct"})", true), "the secret is shorter than 32 bytes");
  EXPECT_EQ(WhySkipped(R"({"kty":"oct","k":"*"})", true), "k is not base64url");
  const std::string pem = signing::PublicPem(testing::MakeKey(testing::KeyType::kRsa2048).get());
  EXPECT_NE(WhySkipped(absl::StrCat(R"({"kty":"oct","k":")", EncodeBase64Url(pem), R"("})"), true),
            "");
}

TEST(JwksTest, APublishedPrivateKeyIsNotTrusted) {
  for (const char* member : {R"("d":"AQ")", R"("p":"AQ")", R"("oth":[])", R"("d":null)"}) {
    EXPECT_EQ(WhySkipped(With(kRsa, member)), "the private part of the key is in the set");
  }
  EXPECT_EQ(WhySkipped(With(kEd25519, R"("d":"AQ")")), "the private part of the key is in the set");
  EXPECT_EQ(WhySkipped(With(kRsa, R"("k":"AQ")")), "k does not belong into a public key");
}

TEST(JwksTest, SkipsBadRsa) {
  const std::string weak = EncodeBase64Url(std::string(128, '\xc1'));
  const std::string even = EncodeBase64Url(std::string(256, '\xc2'));
  const std::string huge = EncodeBase64Url(std::string(2000, '\xc1'));
  const std::string good = EncodeBase64Url(std::string(256, '\xc1'));
  for (const std::string& members :
       {absl::StrCat(R"("n":")", weak, R"(","e":"AQAB")"),
        absl::StrCat(R"("n":")", even, R"(","e":"AQAB")"),
        absl::StrCat(R"("n":")", huge, R"(","e":"AQAB")"), absl::StrCat(R"("n":")", good, R"(")"),
        absl::StrCat(R"("n":")", good, R"(","e":"")"),
        absl::StrCat(R"("n":")", good, R"(","e":"AQ")"),
        absl::StrCat(R"("n":")", good, R"(","e":"Ag")"),
        absl::StrCat(R"("n":")", good, R"(","e":")", good, "\""),
        absl::StrCat(R"("n":")", good, R"(=","e":"AQAB")"),
        absl::StrCat(R"("n":")", good, R"(","e":65537)"), std::string(R"("n":"AA","e":"AQAB")"),
        std::string(R"("e":"AQAB")")}) {
    EXPECT_NE(WhySkipped(absl::StrCat(R"({"kty":"RSA",)", members, "}")), "") << members;
  }
}

TEST(JwksTest, SkipsBadCurves) {
  const std::string p256 = kP256;
  for (const std::string& jwk :
       {absl::StrReplaceAll(p256, {{"P-256", "P-384"}}),
        absl::StrReplaceAll(p256, {{"P-256", "secp256k1"}}),
        absl::StrReplaceAll(p256, {{"P-256", "p-256"}}),
        absl::StrReplaceAll(p256, {{"\"x_FE", "\"x_FF"}}),  // not on the curve
        absl::StrReplaceAll(p256, {{"\"x_FE", "\"_FE"}}),
        absl::StrReplaceAll(p256, {{"\"x_FE", "\"AAx_FE"}}),
        absl::StrReplaceAll(p256, {{"\"y\"", "\"z\""}}),
        absl::StrReplaceAll(p256, {{"\"EC\"", "\"OKP\""}}),
        absl::StrReplaceAll(p256, {{"\"EC\"", "\"RSA\""}}),
        absl::StrReplaceAll(std::string(kEd25519), {{"Ed25519", "X25519"}}),
        absl::StrReplaceAll(std::string(kEd25519), {{"Ed25519", "Ed448"}}),
        absl::StrReplaceAll(std::string(kEd25519), {{"11qY", ""}}),
        absl::StrReplaceAll(std::string(kEd25519), {{"\"OKP\"", "\"okp\""}}),
        absl::StrReplaceAll(std::string(kEd25519), {{"\"OKP\"", "1"}})}) {
    EXPECT_NE(WhySkipped(jwk), "") << jwk;
  }
  EXPECT_EQ(crypto::TakeErrors(), "");
}

}  // namespace
}  // namespace sallyport::jwt
