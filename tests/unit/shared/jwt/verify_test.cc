#include "shared/jwt/verify.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::jwt {
namespace {

using signing::AllAlgorithms;
using signing::HeaderOf;
using signing::MakeToken;
using signing::NewKey;
using signing::PublicKey;
using signing::SecretKey;
using signing::SigningInput;
using signing::SignMac;
using signing::WithSignature;

constexpr absl::string_view kAliceClaims = R"({"sub":"alice"})";

KeySet SetOf(std::vector<Key> keys) {
  KeySet set;
  set.keys = std::move(keys);
  return set;
}

Refusal Verify(absl::string_view text, const KeySet& keys, Claims* claims = nullptr) {
  Token token;
  const Refusal refusal = ParseToken(text, AllAlgorithms(), &token);
  if (refusal != Refusal::kNone) return refusal;
  Claims mine;
  return VerifyToken(token, keys, claims == nullptr ? &mine : claims);
}

TEST(VerifyTokenTest, GivesTheClaimsOfAGoodOne) {
  for (const Algorithm algorithm : signing::kPublicKeyAlgorithms) {
    const auto pair = NewKey(algorithm);
    Claims claims;
    EXPECT_EQ(Verify(MakeToken(algorithm, pair.get(), kAliceClaims), SetOf({PublicKey(pair.get())}),
                     &claims),
              Refusal::kNone);
    EXPECT_EQ(claims.body.Text("sub"), "alice");
  }
  const std::string secret(40, 's');
  for (const Algorithm algorithm : signing::kSecretAlgorithms) {
    const std::string input = SigningInput(HeaderOf(algorithm), kAliceClaims);
    EXPECT_EQ(
        Verify(WithSignature(input, SignMac(algorithm, secret, input)), SetOf({SecretKey(secret)})),
        Refusal::kNone);
  }
}

TEST(VerifyTokenTest, TakesTheExamplesOfRfc7515) {
  JwksOptions options;
  options.allow_secrets = true;
  const absl::StatusOr<KeySet> keys =
      ReadJwks(absl::StrCat("{\"keys\":[", vectors::kRfc7515A1Key, ",", vectors::kRfc7515A2Key, ",",
                            vectors::kRfc7515A3Key, "]}"),
               options);
  ASSERT_TRUE(keys.ok());
  for (const char* text :
       {vectors::kRfc7515A1Token, vectors::kRfc7515A2Token, vectors::kRfc7515A3Token}) {
    Claims claims;
    EXPECT_EQ(Verify(text, *keys, &claims), Refusal::kNone);
    EXPECT_EQ(claims.body.Text("iss"), "joe");
  }
}

TEST(VerifyTokenTest, ARefusedOneGivesNoClaims) {
  const auto pair = NewKey(Algorithm::kEs256);
  const auto other = NewKey(Algorithm::kEs256);
  Claims claims;
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, other.get(), kAliceClaims),
                   SetOf({PublicKey(pair.get())}), &claims),
            Refusal::kSignature);
  EXPECT_FALSE(claims.body.IsObject());
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, pair.get(), kAliceClaims), KeySet(), &claims),
            Refusal::kNoKey);
  EXPECT_FALSE(claims.body.IsObject());
}

TEST(VerifyTokenTest, APublicKeyIsNeverAnHmacSecret) {
  const auto pair = NewKey(Algorithm::kRs256);
  const std::string pem = signing::PublicPem(pair.get());
  const std::string der = crypto::PublicKeyDer(pair.get()).value();
  const KeySet keys = SetOf({PublicKey(pair.get(), "k")});
  for (const Algorithm algorithm : signing::kSecretAlgorithms) {
    for (const std::string& secret :
         {pem, pem.substr(0, pem.size() - 1), pem + "\n", der, std::string("k"), std::string()}) {
      for (const char* kid : {"", "k"}) {
        const std::string input = SigningInput(HeaderOf(algorithm, kid), kAliceClaims);
        EXPECT_EQ(Verify(WithSignature(input, SignMac(algorithm, secret, input)), keys),
                  Refusal::kNoKey);
      }
    }
  }
}

TEST(VerifyTokenTest, ASecretIsNeverAPublicKey) {
  const auto pair = NewKey(Algorithm::kRs256);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kRs256, pair.get(), kAliceClaims),
                   SetOf({SecretKey(std::string(32, 's'))})),
            Refusal::kNoKey);
}

TEST(VerifyTokenTest, AKeyThatTheTokenBringsAlongIsNotLookedAt) {
  const auto mine = NewKey(Algorithm::kEs256);
  const std::string jwk = vectors::kRfc7515A3Key;
  // Signed by the key of the example would be no better: what counts is that the set lacks it.
  const std::string header =
      absl::StrCat(R"({"alg":"ES256","jku":"https://attacker.example/keys","x5u":"https://a.example"
)",
                   R"(,"x5c":["AAAA"],"jwk":)", jwk, "}");
  const std::string input = SigningInput(header, kAliceClaims);
  const std::string text =
      WithSignature(input, signing::Sign(Algorithm::kEs256, mine.get(), input));
  EXPECT_EQ(Verify(text, SetOf({PublicKey(NewKey(Algorithm::kEs256).get())})), Refusal::kSignature);
  EXPECT_EQ(Verify(text, KeySet()), Refusal::kNoKey);
  EXPECT_EQ(Verify(text, SetOf({PublicKey(mine.get())})), Refusal::kNone);
}

TEST(VerifyTokenTest, TheKeyIdChooses) {
  const auto a = NewKey(Algorithm::kEs256);
  const auto b = NewKey(Algorithm::kEs256);
  const KeySet keys = SetOf({PublicKey(a.get(), "a"), PublicKey(b.get(), "b")});
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, a.get(), kAliceClaims, "a"), keys), Refusal::kNone);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, b.get(), kAliceClaims, "b"), keys), Refusal::kNone);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, b.get(), kAliceClaims, "a"), keys),
            Refusal::kSignature);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, a.get(), kAliceClaims, "c"), keys),
            Refusal::kNoKey);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, a.get(), kAliceClaims, "A"), keys),
            Refusal::kNoKey);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, b.get(), kAliceClaims), keys), Refusal::kNone);
}

TEST(VerifyTokenTest, AKeyWithoutIdServesAnyId) {
  const auto pair = NewKey(Algorithm::kEs256);
  const KeySet keys = SetOf({PublicKey(pair.get())});
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, pair.get(), kAliceClaims, "x"), keys),
            Refusal::kNone);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, NewKey(Algorithm::kEs256).get(), kAliceClaims, "x"),
                   keys),
            Refusal::kSignature);
}

TEST(VerifyTokenTest, TheIdOfAKeyOfAnotherTypeIsNoKey) {
  const auto rsa = NewKey(Algorithm::kRs256);
  const auto p256 = NewKey(Algorithm::kEs256);
  const auto p384 = NewKey(Algorithm::kEs384);
  const KeySet keys = SetOf({PublicKey(rsa.get(), "rsa"), PublicKey(p384.get(), "p384")});
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, p256.get(), kAliceClaims, "rsa"), keys),
            Refusal::kNoKey);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, p256.get(), kAliceClaims, "p384"), keys),
            Refusal::kNoKey);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kRs256, rsa.get(), kAliceClaims, "p384"), keys),
            Refusal::kNoKey);
  const std::string input = SigningInput(HeaderOf(Algorithm::kHs256, "rsa"), kAliceClaims);
  EXPECT_EQ(Verify(WithSignature(input, SignMac(Algorithm::kHs256, "rsa", input)), keys),
            Refusal::kNoKey);
}

TEST(VerifyTokenTest, AKeyThatNamesItsAlgorithmServesNoOther) {
  const auto rsa = NewKey(Algorithm::kRs256);
  Key key = PublicKey(rsa.get());
  key.set_only(Algorithm::kPs256);
  const KeySet keys = SetOf({key});
  EXPECT_EQ(Verify(MakeToken(Algorithm::kPs256, rsa.get(), kAliceClaims), keys), Refusal::kNone);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kRs256, rsa.get(), kAliceClaims), keys), Refusal::kNoKey);
}

TEST(VerifyTokenTest, TwoKeysOfOneIdAreBothTried) {
  const auto old_key = NewKey(Algorithm::kEs256);
  const auto new_key = NewKey(Algorithm::kEs256);
  const KeySet keys = SetOf({PublicKey(old_key.get(), "k"), PublicKey(new_key.get(), "k")});
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, old_key.get(), kAliceClaims, "k"), keys),
            Refusal::kNone);
  EXPECT_EQ(Verify(MakeToken(Algorithm::kEs256, new_key.get(), kAliceClaims, "k"), keys),
            Refusal::kNone);
}

TEST(VerifyTokenTest, TriesABoundedNumberOfKeys) {
  const auto signer = NewKey(Algorithm::kEs256);
  std::vector<Key> others;
  for (int i = 0; i < kMostKeysTried; ++i) {
    others.push_back(PublicKey(NewKey(Algorithm::kEs256).get(), absl::StrCat("k", i)));
  }
  std::vector<Key> first = others;
  first.insert(first.begin(), PublicKey(signer.get(), "s"));
  std::vector<Key> last = others;
  last.push_back(PublicKey(signer.get(), "s"));
  const std::string plain = MakeToken(Algorithm::kEs256, signer.get(), kAliceClaims);
  EXPECT_EQ(Verify(plain, SetOf(others)), Refusal::kSignature);
  EXPECT_EQ(Verify(plain, SetOf(first)), Refusal::kNone);
  EXPECT_EQ(Verify(plain, SetOf(last)), Refusal::kTooManyKeys);
  const std::string named = MakeToken(Algorithm::kEs256, signer.get(), kAliceClaims, "s");
  EXPECT_EQ(Verify(named, SetOf(last)), Refusal::kNone);
}

TEST(VerifyTokenTest, PartsOfTwoTokensDoNotMakeOne) {
  const auto pair = NewKey(Algorithm::kEdDsa);
  const KeySet keys = SetOf({PublicKey(pair.get())});
  const std::string user = MakeToken(Algorithm::kEdDsa, pair.get(), R"({"sub":"user"})");
  const std::string admin_input = SigningInput(HeaderOf(Algorithm::kEdDsa), R"({"sub":"root"})");
  const std::string mixed =
      absl::StrCat(admin_input, ".", absl::string_view(user).substr(user.rfind('.') + 1));
  EXPECT_EQ(Verify(user, keys), Refusal::kNone);
  EXPECT_EQ(Verify(mixed, keys), Refusal::kSignature);
}

TEST(VerifyTokenTest, LeavesNoErrorBehind) {
  const auto pair = NewKey(Algorithm::kRs256);
  const KeySet keys = SetOf({PublicKey(pair.get())});
  const std::string input = SigningInput(HeaderOf(Algorithm::kRs256), kAliceClaims);
  EXPECT_EQ(Verify(WithSignature(input, std::string(256, '\x7f')), keys), Refusal::kSignature);
  EXPECT_EQ(crypto::TakeErrors(), "");
}

}  // namespace
}  // namespace sallyport::jwt
