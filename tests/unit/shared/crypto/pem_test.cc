// The rules and messages of reference tyk.md 1.2.
#include "shared/crypto/pem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>

#include "absl/strings/str_replace.h"
#include "shared/crypto/private_key.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::crypto {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::KeyType;
using testing::TestCert;
using testing::TestNow;

TestCert Leaf(KeyType type = KeyType::kP256) {
  return CertBuilder("CN=alice").Key(type).LikeOpensslReq().SelfSign();
}

std::string MessageOf(absl::string_view text) {
  const absl::StatusOr<PemBundle> bundle = ParsePem(text, TestNow());
  return bundle.ok() ? "" : std::string(bundle.status().message());
}

constexpr char kNotPem[] = "Failed to decode certificate. It should be PEM encoded.";

TEST(PemTest, CertificateAlone) {
  const TestCert leaf = Leaf();
  const absl::StatusOr<PemBundle> bundle = ParsePem(leaf.Pem(), TestNow());
  ASSERT_TRUE(bundle.ok()) << bundle.status();
  ASSERT_EQ(bundle->chain.size(), 1U);
  EXPECT_EQ(bundle->chain[0]->der, leaf.der);
  EXPECT_TRUE(bundle->private_key.empty());
  EXPECT_TRUE(bundle->public_key_der.empty());
  EXPECT_THAT(bundle->warnings, IsEmpty());
}

TEST(PemTest, ChainAndKeyInAnyOrder) {
  const TestCert root = CertBuilder("CN=R").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=x").SignBy(root);
  for (const std::string& text :
       {leaf.KeyPem() + leaf.Pem() + root.Pem(), leaf.Pem() + leaf.KeyPem() + root.Pem(),
        "text before\n" + leaf.Pem() + "--boundary\nContent-Type: x\n\n" + root.Pem() +
            leaf.KeyPem() + "text after"}) {
    const absl::StatusOr<PemBundle> bundle = ParsePem(text, TestNow());
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    ASSERT_EQ(bundle->chain.size(), 2U);
    EXPECT_EQ(bundle->chain[0]->der, leaf.der) << "the chain is in the order given";
    EXPECT_EQ(bundle->private_key.Reveal(), leaf.KeyDer());
  }
}

TEST(PemTest, EveryKeyKind) {
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519,
                             KeyType::kEd448, KeyType::kRsa2048, KeyType::kRsa4096}) {
    const TestCert leaf = Leaf(type);
    const absl::StatusOr<PemBundle> bundle = ParsePem(leaf.Pem() + leaf.KeyPem(), TestNow());
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_TRUE(LoadPrivateKey(bundle->private_key.Reveal()).ok());
  }
}

TEST(PemTest, TraditionalKeyForms) {
  for (const KeyType type : {KeyType::kP256, KeyType::kRsa2048}) {
    const TestCert leaf = Leaf(type);
    const UniqueBio out(BIO_new(BIO_s_mem()));
    ASSERT_EQ(PEM_write_bio_PrivateKey_traditional(out.get(), leaf.key.get(), nullptr, nullptr, 0,
                                                   nullptr, nullptr),
              1);
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    const std::string key(data, static_cast<size_t>(size));
    ASSERT_THAT(key, ::testing::AnyOf(HasSubstr("EC PRIVATE KEY"), HasSubstr("RSA PRIVATE KEY")));
    const absl::StatusOr<PemBundle> bundle = ParsePem(key + leaf.Pem(), TestNow());
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_EQ(bundle->private_key.Reveal(), leaf.KeyDer());
  }
}

TEST(PemTest, Messages) {
  const TestCert leaf = Leaf();
  const TestCert other = Leaf();
  const std::string public_key = PublicKeyPem(leaf.PublicDer());
  EXPECT_EQ(MessageOf(""), kNotPem);
  EXPECT_EQ(MessageOf("hello"), kNotPem);
  EXPECT_EQ(MessageOf(leaf.KeyPem()), kNotPem) << "a key alone";
  EXPECT_EQ(MessageOf(leaf.Pem() + leaf.KeyPem() + leaf.KeyPem()), "Found multiple private keys");
  EXPECT_EQ(MessageOf(leaf.Pem() + public_key), "Public keys can't be combined with certificates");
  EXPECT_EQ(MessageOf(leaf.Pem() + other.KeyPem()), "tls: private key does not match public key");
  EXPECT_EQ(MessageOf(leaf.Pem() + Leaf(KeyType::kEd25519).KeyPem()),
            "tls: private key type does not match public key type");
  EXPECT_EQ(MessageOf(CertBuilder("CN=x").Expired().SelfSign().Pem()), "certificate is expired");
  EXPECT_THAT(MessageOf(public_key + leaf.KeyPem()), HasSubstr("failed to find any PEM data"));
  EXPECT_THAT(MessageOf(PublicKeyPem("junk")), HasSubstr("public key"));
  EXPECT_THAT(MessageOf(CertificatePem("junk")), HasSubstr("not valid DER"));
  EXPECT_THAT(MessageOf(CertificatePem(leaf.der + "x")), HasSubstr("trailing"));
}

TEST(PemTest, KeyMustMatchTheFirstCertificate) {
  const TestCert root = CertBuilder("CN=R").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=x").SignBy(root);
  EXPECT_EQ(MessageOf(root.Pem() + leaf.Pem() + leaf.KeyPem()),
            "tls: private key does not match public key");
}

TEST(PemTest, ExpiredCertificateFurtherDownIsAWarning) {
  const TestCert root = CertBuilder("CN=Old").Ca().Expired().SelfSign();
  const TestCert leaf = CertBuilder("CN=x").SignBy(root);
  const absl::StatusOr<PemBundle> bundle = ParsePem(leaf.Pem() + root.Pem(), TestNow());
  ASSERT_TRUE(bundle.ok());
  EXPECT_THAT(bundle->warnings, ElementsAre(HasSubstr("CN=Old")));
  EXPECT_TRUE(ParsePem(root.Pem()).ok()) << "no time given: stored material";
  EXPECT_TRUE(ParsePem(CertBuilder("CN=x").NotYetValid().SelfSign().Pem(), TestNow()).ok());
}

TEST(PemTest, PublicKeys) {
  const TestCert leaf = Leaf();
  const TestCert other = Leaf();
  const absl::StatusOr<PemBundle> bundle =
      ParsePem(PublicKeyPem(other.PublicDer()) + PublicKeyPem(leaf.PublicDer()), TestNow());
  ASSERT_TRUE(bundle.ok());
  EXPECT_EQ(bundle->public_key_der, leaf.PublicDer()) << "the last one wins";
  EXPECT_THAT(bundle->chain, IsEmpty());
  const absl::StatusOr<PemBundle> weak =
      ParsePem(PublicKeyPem(Leaf(KeyType::kRsa1024).PublicDer()), TestNow());
  ASSERT_TRUE(weak.ok());
  EXPECT_THAT(weak->warnings, ElementsAre(HasSubstr("1024")));
}

TEST(PemTest, WeakCertificatesAreStoredWithAWarning) {
  const absl::StatusOr<PemBundle> bundle = ParsePem(Leaf(KeyType::kRsa1024).Pem(), TestNow());
  ASSERT_TRUE(bundle.ok());
  EXPECT_THAT(bundle->warnings, ElementsAre(HasSubstr("1024 bits")));
}

TEST(PemTest, OtherBlocksAreIgnored) {
  const TestCert leaf = Leaf();
  std::string other = absl::StrReplaceAll(leaf.Pem(), {{"CERTIFICATE", "CERTIFICATE REQUEST"}});
  EXPECT_TRUE(ParsePem(other + leaf.Pem(), TestNow()).ok());
  EXPECT_EQ(MessageOf(other), kNotPem);
}

TEST(PemTest, BrokenAndEncryptedBlocks) {
  const TestCert leaf = Leaf();
  const std::string pem = leaf.Pem();
  EXPECT_EQ(MessageOf(pem.substr(0, pem.size() / 2)), kNotPem);
  EXPECT_EQ(MessageOf(pem + "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"),
            kNotPem);
  const UniqueBio out(BIO_new(BIO_s_mem()));
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(out.get(), leaf.key.get(), EVP_aes_256_cbc(), "secret", 6,
                                          nullptr, nullptr),
            1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  EXPECT_THAT(MessageOf(pem + std::string(data, static_cast<size_t>(size))),
              HasSubstr("encrypted"));
}

TEST(PemTest, Bounds) {
  EXPECT_FALSE(ParsePem(std::string((1 << 20) + 1, 'x')).ok());
  std::string many;
  const std::string one = Leaf().Pem();
  for (int i = 0; i < 101; ++i) many += one;
  EXPECT_EQ(MessageOf(many), "more than 100 certificates");
}

TEST(PemTest, InlineWithCollapsedLines) {
  const TestCert leaf = Leaf();
  const std::string pem = leaf.Pem() + leaf.KeyPem();
  const std::string collapsed = absl::StrReplaceAll(pem, {{"\n", " "}});
  ASSERT_FALSE(ParsePem(collapsed).ok());
  for (const std::string& text : {pem, "  \n" + pem + "\n ", collapsed, "  " + collapsed}) {
    const absl::StatusOr<PemBundle> bundle = ParseInlinePem(text, TestNow());
    ASSERT_TRUE(bundle.ok()) << bundle.status();
    EXPECT_EQ(bundle->chain[0]->der, leaf.der);
    EXPECT_EQ(bundle->private_key.Reveal(), leaf.KeyDer());
  }
  EXPECT_EQ(ParseInlinePem("no PEM here").status().message(), kNotPem);
}

TEST(PemTest, Der) {
  const TestCert leaf = Leaf();
  const absl::StatusOr<PemBundle> certificate = ParsePemOrDer(leaf.der, TestNow());
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->chain[0]->der, leaf.der);
  const absl::StatusOr<PemBundle> key = ParsePemOrDer(leaf.PublicDer(), TestNow());
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->public_key_der, leaf.PublicDer());
  EXPECT_TRUE(ParsePemOrDer(leaf.Pem(), TestNow()).ok());
  EXPECT_FALSE(ParsePemOrDer(leaf.der + leaf.der, TestNow()).ok());
  EXPECT_FALSE(ParsePemOrDer(leaf.KeyDer(), TestNow()).ok());
  EXPECT_FALSE(ParsePemOrDer(CertBuilder("CN=x").Expired().SelfSign().der, TestNow()).ok());
  EXPECT_FALSE(ParsePemOrDer("", TestNow()).ok());
}

TEST(PemTest, LeavesNoErrorsBehind) {
  (void)MessageOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  (void)ParseCertificate("junk");
  EXPECT_EQ(TakeErrors(), "");
}

}  // namespace
}  // namespace sallyport::crypto
