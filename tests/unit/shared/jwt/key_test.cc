#include "shared/jwt/key.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "shared/crypto/openssl.h"
#include "tests/unit/shared/jwt/rfc_vectors.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::jwt {
namespace {

using signing::PublicPem;
using testing::CertBuilder;
using testing::MakeKey;
using testing::TestCert;

absl::StatusOr<Key> Secret(absl::string_view bytes) {
  return MakeSecretKey(base::Secret::CopyOf(bytes));
}

TEST(PublicKeyTest, HasTheTypeOfItsAlgorithms) {
  const struct {
    testing::KeyType made;
    KeyType type;
    Algorithm fits;
  } cases[] = {{testing::KeyType::kRsa2048, KeyType::kRsa, Algorithm::kRs256},
               {testing::KeyType::kRsa4096, KeyType::kRsa, Algorithm::kPs512},
               {testing::KeyType::kP256, KeyType::kP256, Algorithm::kEs256},
               {testing::KeyType::kP384, KeyType::kP384, Algorithm::kEs384},
               {testing::KeyType::kP521, KeyType::kP521, Algorithm::kEs512},
               {testing::KeyType::kEd25519, KeyType::kEd25519, Algorithm::kEdDsa}};
  for (const auto& c : cases) {
    const absl::StatusOr<Key> key = ReadPublicKey(PublicPem(MakeKey(c.made).get()));
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->type(), c.type);
    EXPECT_TRUE(key->Fits(c.fits));
    EXPECT_TRUE(key->secret().empty());
    EXPECT_TRUE(key->id().empty());
    EXPECT_FALSE(key->not_after().has_value());
    for (const Algorithm algorithm : signing::kSecretAlgorithms) {
      EXPECT_FALSE(key->Fits(algorithm));
    }
  }
}

TEST(PublicKeyTest, ReadsEveryForm) {
  const TestCert made = CertBuilder("CN=issuer").SelfSign();
  const TestCert root = CertBuilder("CN=root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=leaf").SignBy(root);
  const absl::StatusOr<Key> wanted = ReadPublicKey(PublicPem(made.key.get()));
  ASSERT_TRUE(wanted.ok());
  for (const std::string& text :
       {made.Pem(), made.der, made.PublicDer(), absl::StrReplaceAll(made.Pem(), {{"\n", " "}}),
        absl::StrReplaceAll(made.Pem(), {{"\n", "\r\n"}})}) {
    const absl::StatusOr<Key> key = ReadPublicKey(text);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_TRUE(key->SameMaterial(*wanted));
  }
  // The one who issued the first certificate does not sign tokens.
  const absl::StatusOr<Key> chain = ReadPublicKey(leaf.Pem() + root.Pem());
  ASSERT_TRUE(chain.ok());
  EXPECT_TRUE(chain->SameMaterial(ReadPublicKey(leaf.Pem()).value()));
}

TEST(PublicKeyTest, TellsUntilWhenItsCertificateIs) {
  const TestCert expired = CertBuilder("CN=issuer").Expired().SelfSign();
  const absl::StatusOr<Key> key = ReadPublicKey(expired.Pem());
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->not_after().value(), expired.cert->not_after);
}

TEST(PublicKeyTest, RefusesOtherKeys) {
  for (const testing::KeyType type : {testing::KeyType::kRsa1024, testing::KeyType::kSecp256k1,
                                      testing::KeyType::kEd448, testing::KeyType::kDsa}) {
    EXPECT_FALSE(ReadPublicKey(PublicPem(MakeKey(type).get())).ok());
  }
  EXPECT_FALSE(MakePublicKey(nullptr).ok());
  EXPECT_EQ(crypto::TakeErrors(), "");
}

TEST(PublicKeyTest, RefusesPrivateKeysAndJunk) {
  const TestCert made = CertBuilder("CN=issuer").SelfSign();
  for (const std::string& text :
       {std::string(), std::string("junk"), made.KeyPem(), made.Pem() + made.KeyPem(),
        made.der + "x", made.Pem().substr(0, 100), std::string(100, '\0')}) {
    const absl::StatusOr<Key> key = ReadPublicKey(text);
    EXPECT_FALSE(key.ok());
    EXPECT_FALSE(key.status().message().empty());
  }
  EXPECT_EQ(crypto::TakeErrors(), "");
}

TEST(SecretKeyTest, HasBounds) {
  EXPECT_FALSE(Secret("").ok());
  EXPECT_FALSE(Secret(std::string(31, 'x')).ok());
  EXPECT_TRUE(Secret(std::string(32, 'x')).ok());
  EXPECT_TRUE(Secret(std::string(4096, 'x')).ok());
  EXPECT_FALSE(Secret(std::string(4097, 'x')).ok());
}

TEST(SecretKeyTest, FitsItsAlgorithmsOnly) {
  const absl::StatusOr<Key> key = Secret(std::string(32, 'x'));
  ASSERT_TRUE(key.ok());
  EXPECT_EQ(key->type(), KeyType::kSecret);
  EXPECT_EQ(key->public_key(), nullptr);
  for (const Algorithm algorithm : signing::kSecretAlgorithms) EXPECT_TRUE(key->Fits(algorithm));
  for (const Algorithm algorithm : signing::kPublicKeyAlgorithms) {
    EXPECT_FALSE(key->Fits(algorithm));
  }
}

TEST(SecretKeyTest, IsNeverWhatEverybodyKnows) {
  for (const testing::KeyType type : {testing::KeyType::kRsa2048, testing::KeyType::kP256}) {
    const TestCert made = CertBuilder("CN=issuer").Key(type).SelfSign();
    const std::string pem = PublicPem(made.key.get());
    const std::string base64 =
        pem.substr(pem.find('\n') + 1, pem.rfind("-----END") - pem.find('\n') - 1);
    for (const std::string& text :
         {made.Pem(), pem, "  \n" + pem, absl::StrReplaceAll(pem, {{"\n", " "}}), made.der,
          made.PublicDer(), base64, absl::StrReplaceAll(base64, {{"\n", ""}}), made.KeyPem(),
          std::string(vectors::kRfc7515A2Key), " " + std::string(vectors::kRfc7515A3Key)}) {
      EXPECT_FALSE(Secret(text).ok()) << text;
    }
  }
  EXPECT_EQ(crypto::TakeErrors(), "");
}

TEST(SecretKeyTest, ErrorsDoNotShowIt) {
  const absl::StatusOr<Key> key = Secret("hunter2");
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.status().message().find("hunter2"), absl::string_view::npos);
}

TEST(KeyTest, IsBoundToOneAlgorithm) {
  Key key = ReadPublicKey(PublicPem(MakeKey(testing::KeyType::kRsa2048).get())).value();
  key.set_only(Algorithm::kPs256);
  EXPECT_TRUE(key.Fits(Algorithm::kPs256));
  EXPECT_FALSE(key.Fits(Algorithm::kRs256));
  EXPECT_FALSE(key.Fits(Algorithm::kPs384));
  key.set_only(Algorithm::kHs256);  // never widens
  for (const Algorithm algorithm : signing::kSecretAlgorithms) EXPECT_FALSE(key.Fits(algorithm));
}

TEST(KeyTest, ComparesMaterial) {
  const Key rsa = ReadPublicKey(PublicPem(MakeKey(testing::KeyType::kRsa2048).get())).value();
  const Key same = ReadPublicKey(PublicPem(MakeKey(testing::KeyType::kRsa2048).get())).value();
  const Key other = ReadPublicKey(PublicPem(MakeKey(testing::KeyType::kRsa2048B).get())).value();
  const Key secret = Secret(std::string(32, 'x')).value();
  EXPECT_TRUE(rsa.SameMaterial(same));
  EXPECT_FALSE(rsa.SameMaterial(other));
  EXPECT_FALSE(rsa.SameMaterial(secret));
  EXPECT_FALSE(secret.SameMaterial(rsa));
  EXPECT_TRUE(secret.SameMaterial(Secret(std::string(32, 'x')).value()));
  EXPECT_FALSE(secret.SameMaterial(Secret(std::string(33, 'x')).value()));
}

}  // namespace
}  // namespace sallyport::jwt
