#include "shared/jwt/signature.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::jwt {
namespace {

using signing::NewKey;
using signing::PublicKey;
using signing::SecretKey;
using signing::Sign;
using signing::SignMac;
using signing::SignRaw;

constexpr absl::string_view kInput = "eyJhIjoxfQ.eyJiIjoyfQ";

struct Vector {
  const char* name;
  Algorithm algorithm;
  absl::string_view key;
  absl::string_view token;
};
const Vector kVectors[] = {
    {"RFC 7515 A.1", Algorithm::kHs256, vectors::kRfc7515A1Key, vectors::kRfc7515A1Token},
    {"RFC 7515 A.2", Algorithm::kRs256, vectors::kRfc7515A2Key, vectors::kRfc7515A2Token},
    {"RFC 7515 A.3", Algorithm::kEs256, vectors::kRfc7515A3Key, vectors::kRfc7515A3Token},
    {"RFC 7515 A.4", Algorithm::kEs512, vectors::kRfc7515A4Key, vectors::kRfc7515A4Token},
    {"RFC 7520 4.1", Algorithm::kRs256, vectors::kRfc7520S41Key, vectors::kRfc7520S41Token},
    {"RFC 7520 4.2", Algorithm::kPs384, vectors::kRfc7520S42Key, vectors::kRfc7520S42Token},
    {"RFC 7520 4.3", Algorithm::kEs512, vectors::kRfc7520S43Key, vectors::kRfc7520S43Token},
    {"RFC 7520 4.4", Algorithm::kHs256, vectors::kRfc7520S44Key, vectors::kRfc7520S44Token},
    {"RFC 8037 A.4", Algorithm::kEdDsa, vectors::kRfc8037A4Key, vectors::kRfc8037A4Token},
};

Key VectorKey(absl::string_view jwk) {
  JwksOptions options;
  options.allow_secrets = true;
  absl::StatusOr<KeySet> set = ReadJwks(absl::StrCat("{\"keys\":[", jwk, "]}"), options);
  signing::Must(set.ok() && set->keys.size() == 1);
  return set->keys[0];
}

TEST(RfcVectorsTest, AreTaken) {
  for (const Vector& vector : kVectors) {
    const std::vector<std::string> parts = absl::StrSplit(vector.token, '.');
    ASSERT_EQ(parts.size(), 3U);
    const std::string input = absl::StrCat(parts[0], ".", parts[1]);
    const std::string signature = DecodeBase64Url(parts[2]).value();
    const Key key = VectorKey(vector.key);
    EXPECT_TRUE(VerifySignature(vector.algorithm, key, input, signature)) << vector.name;
    EXPECT_FALSE(VerifySignature(vector.algorithm, key, input + "A", signature)) << vector.name;
  }
}

TEST(RfcVectorsTest, EveryFlippedByteOfTheSignatureIsRefused) {
  for (const Vector& vector : kVectors) {
    const std::vector<std::string> parts = absl::StrSplit(vector.token, '.');
    const std::string input = absl::StrCat(parts[0], ".", parts[1]);
    const Key key = VectorKey(vector.key);
    const std::string signature = DecodeBase64Url(parts[2]).value();
    for (size_t i = 0; i < signature.size(); ++i) {
      std::string flipped = signature;
      flipped[i] = static_cast<char>(flipped[i] ^ 1);
      EXPECT_FALSE(VerifySignature(vector.algorithm, key, input, flipped)) << vector.name << i;
    }
  }
  EXPECT_EQ(crypto::TakeErrors(), "");
}

TEST(SignatureTest, EachAlgorithmVerifiesItsOwnAndNoOther) {
  for (const Algorithm signed_with : signing::kPublicKeyAlgorithms) {
    const auto pair = NewKey(signed_with);
    const Key key = PublicKey(pair.get());
    const std::string signature = Sign(signed_with, pair.get(), kInput);
    for (const Algorithm read_as : signing::kPublicKeyAlgorithms) {
      EXPECT_EQ(VerifySignature(read_as, key, kInput, signature), read_as == signed_with)
          << AlgorithmName(signed_with) << " as " << AlgorithmName(read_as);
    }
    for (const Algorithm read_as : signing::kSecretAlgorithms) {
      EXPECT_FALSE(VerifySignature(read_as, key, kInput, signature));
    }
  }
}

TEST(SignatureTest, AnotherKeyOfTheSameTypeIsRefused) {
  for (const Algorithm algorithm : signing::kPublicKeyAlgorithms) {
    const auto pair = NewKey(algorithm);
    const std::string signature = Sign(algorithm, pair.get(), kInput);
    const auto other = PublicKey(pair.get()).type() == KeyType::kRsa
                           ? testing::MakeKey(testing::KeyType::kRsa2048B)
                           : NewKey(algorithm);
    EXPECT_TRUE(VerifySignature(algorithm, PublicKey(pair.get()), kInput, signature));
    EXPECT_FALSE(VerifySignature(algorithm, PublicKey(other.get()), kInput, signature));
  }
}

TEST(SignatureTest, WrongLengthsAreRefused) {
  for (const Algorithm algorithm : signing::kPublicKeyAlgorithms) {
    const auto pair = NewKey(algorithm);
    const Key key = PublicKey(pair.get());
    const std::string good = Sign(algorithm, pair.get(), kInput);
    for (const std::string& bad :
         {std::string(), good.substr(1), good.substr(0, good.size() - 1), good + std::string(1, 0),
          std::string(1, 0) + good, good.substr(0, good.size() / 2), good + good,
          std::string(good.size(), '\0'), std::string(good.size(), '\xff')}) {
      EXPECT_FALSE(VerifySignature(algorithm, key, kInput, bad))
          << AlgorithmName(algorithm) << " " << bad.size();
    }
  }
  EXPECT_EQ(crypto::TakeErrors(), "");
}

TEST(SignatureTest, EcdsaInDerIsRefused) {
  for (const Algorithm algorithm : {Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512}) {
    const auto pair = NewKey(algorithm);
    EXPECT_FALSE(VerifySignature(algorithm, PublicKey(pair.get()), kInput,
                                 SignRaw(algorithm, pair.get(), kInput)));
  }
}

TEST(SignatureTest, EcdsaWithZeroOrOutOfRangeIsRefused) {
  const auto pair = NewKey(Algorithm::kEs256);
  const Key key = PublicKey(pair.get());
  const std::string good = Sign(Algorithm::kEs256, pair.get(), kInput);
  const std::string zero(32, '\0');
  const std::string one = std::string(31, '\0') + '\x01';
  const std::string order =
      base::FromHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").value();
  const std::string r = good.substr(0, 32);
  const std::string s = good.substr(32);
  ASSERT_TRUE(VerifySignature(Algorithm::kEs256, key, kInput, r + s));
  for (const std::string& bad : {zero + s, r + zero, zero + zero, one + zero, zero + one, one + one,
                                 order + s, r + order, order + order, order + zero, s + r}) {
    EXPECT_FALSE(VerifySignature(Algorithm::kEs256, key, kInput, bad));
  }
}

TEST(SignatureTest, PssWithAnotherSaltIsRefused) {
  const auto pair = NewKey(Algorithm::kPs256);
  const crypto::UniqueMdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  ASSERT_EQ(EVP_DigestSignInit(context.get(), &key_context, EVP_sha256(), nullptr, pair.get()), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING), 1);
  ASSERT_EQ(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, 0), 1);
  std::string signature(256, '\0');
  size_t size = signature.size();
  ASSERT_EQ(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                           reinterpret_cast<const unsigned char*>(kInput.data()), kInput.size()),
            1);
  EXPECT_FALSE(VerifySignature(Algorithm::kPs256, PublicKey(pair.get()), kInput, signature));
}

TEST(SignatureTest, MacsAreWholeAndOfTheirAlgorithm) {
  const std::string secret(64, 's');
  const Key key = SecretKey(secret);
  for (const Algorithm algorithm : signing::kSecretAlgorithms) {
    const std::string mac = SignMac(algorithm, secret, kInput);
    for (const Algorithm read_as : signing::kSecretAlgorithms) {
      EXPECT_EQ(VerifySignature(read_as, key, kInput, mac), read_as == algorithm);
    }
    for (const Algorithm read_as : signing::kPublicKeyAlgorithms) {
      EXPECT_FALSE(VerifySignature(read_as, key, kInput, mac));
    }
    EXPECT_FALSE(VerifySignature(algorithm, key, kInput, ""));
    EXPECT_FALSE(VerifySignature(algorithm, key, kInput, mac.substr(0, 16)));
    EXPECT_FALSE(VerifySignature(algorithm, key, kInput, mac + '\0'));
    EXPECT_FALSE(VerifySignature(algorithm, SecretKey(std::string(64, 't')), kInput, mac));
  }
}

}  // namespace
}  // namespace sallyport::jwt
