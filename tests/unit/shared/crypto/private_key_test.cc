#include "shared/crypto/private_key.h"

#include <gtest/gtest.h>

#include "tests/fakes/test_ca.h"

namespace sallyport::crypto {
namespace {

using testing::CertBuilder;
using testing::KeyType;
using testing::TestCert;

TEST(PrivateKeyTest, LoadsWhatItWrote) {
  for (const KeyType type : {KeyType::kP256, KeyType::kEd25519, KeyType::kRsa2048}) {
    const testing::SharedKey key = testing::MakeKey(type);
    const absl::StatusOr<base::Secret> der = ToPkcs8(key.get());
    ASSERT_TRUE(der.ok());
    const absl::StatusOr<UniquePkey> loaded = LoadPrivateKey(der->Reveal());
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(EVP_PKEY_eq(loaded->get(), key.get()), 1);
    EXPECT_EQ(PublicKeyDer(loaded->get()).value(), PublicKeyDer(key.get()).value());
  }
}

TEST(PrivateKeyTest, Refuses) {
  const TestCert made = CertBuilder("CN=x").SelfSign();
  const std::string der = made.KeyDer();
  EXPECT_FALSE(LoadPrivateKey("").ok());
  EXPECT_FALSE(LoadPrivateKey("junk").ok());
  EXPECT_FALSE(LoadPrivateKey(der + "x").ok());
  EXPECT_FALSE(LoadPrivateKey(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(LoadPrivateKey(made.PublicDer()).ok());
  EXPECT_FALSE(LoadAnyPrivateKey(der + "x").ok());
  const testing::SharedKey dsa = testing::MakeKey(KeyType::kDsa);
  EXPECT_FALSE(LoadPrivateKey(ToPkcs8(dsa.get()).value().Reveal()).ok());
  EXPECT_EQ(TakeErrors(), "");
}

TEST(PrivateKeyTest, Matches) {
  const TestCert made = CertBuilder("CN=x").SelfSign();
  const TestCert other = CertBuilder("CN=x").SelfSign();
  EXPECT_TRUE(KeyMatches(*made.cert, made.key.get()));
  EXPECT_FALSE(KeyMatches(*made.cert, other.key.get()));
  EXPECT_FALSE(KeyMatches(*made.cert, nullptr));
}

TEST(PrivateKeyTest, APublicPartThatWasSwappedInDoesNotMatch) {
  // PKCS#8 of an EC key holds scalar and point: the scalar of one with the point of another.
  const TestCert made = CertBuilder("CN=x").SelfSign();
  const TestCert other = CertBuilder("CN=x").SelfSign();
  std::string mixed = other.KeyDer();
  const std::string point = made.KeyDer().substr(made.KeyDer().size() - 65);
  mixed.replace(mixed.size() - 65, 65, point);
  const absl::StatusOr<UniquePkey> key = LoadPrivateKey(mixed);
  EXPECT_TRUE(!key.ok() || !KeyMatches(*made.cert, key->get()));
}

TEST(PublicKeyTest, Checks) {
  const auto defect = [](KeyType type) {
    return CheckPublicKey(PublicKeyDer(testing::MakeKey(type).get()).value());
  };
  EXPECT_FALSE(defect(KeyType::kP256));
  EXPECT_FALSE(defect(KeyType::kEd25519));
  EXPECT_TRUE(defect(KeyType::kRsa1024));
  EXPECT_TRUE(defect(KeyType::kDsa));
  EXPECT_EQ(CheckPublicKey("junk")->reason, base::Reason::kCertMalformed);
  EXPECT_EQ(CheckPublicKey("")->reason, base::Reason::kCertMalformed);
}

TEST(PublicKeyTest, HybridPointIsRefused) {
  std::string der = CertBuilder("CN=x").SelfSign().PublicDer();
  char& form = der[der.size() - 65];
  ASSERT_EQ(form, '\x04');
  form = static_cast<char>(6 | (der.back() & 1));
  EXPECT_TRUE(CheckPublicKey(der).has_value());
}

}  // namespace
}  // namespace sallyport::crypto
