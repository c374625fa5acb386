#include "shared/crypto/certificate.h"

#include <gtest/gtest.h>

#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::crypto {
namespace {

using base::Reason;
using testing::CertBuilder;
using testing::KeyType;
using testing::TestCert;

TestCert Root() { return CertBuilder("O=Acme,CN=Root").Ca().SelfSign(); }

Reason CertificateDefect(const TestCert& made) {
  EXPECT_NE(made.cert, nullptr);
  if (made.cert == nullptr || !made.cert->certificate_defect) return Reason::kAllowed;
  return made.cert->certificate_defect->reason;
}
Reason KeyDefect(const TestCert& made) {
  EXPECT_NE(made.cert, nullptr);
  if (made.cert == nullptr || !made.cert->key_defect) return Reason::kAllowed;
  return made.cert->key_defect->reason;
}
Reason SignatureDefect(const TestCert& made) {
  EXPECT_NE(made.cert, nullptr);
  if (made.cert == nullptr || !made.cert->signature_defect) return Reason::kAllowed;
  return made.cert->signature_defect->reason;
}

TEST(CertificateTest, Facts) {
  const TestCert root = Root();
  const TestCert leaf = CertBuilder("C=DE,O=Acme,CN=alice")
                            .Serial(0x0102ff)
                            .Dns("A.example.com")
                            .Dns("*.example.com")
                            .Uri("spiffe://corp/alice")
                            .Email("alice@example.com")
                            .Ip(absl::string_view("\x0a\0\0\x01", 4))
                            .SignBy(root);
  const Certificate& c = *leaf.cert;
  EXPECT_EQ(c.der, leaf.der);
  EXPECT_EQ(c.fingerprint, Sha256(leaf.der));
  EXPECT_EQ(c.spki_der, leaf.PublicDer());
  EXPECT_EQ(c.spki_sha256, Sha256(leaf.PublicDer()));
  EXPECT_EQ(c.subject, "CN=alice,O=Acme,C=DE");
  EXPECT_EQ(c.issuer, "CN=Root,O=Acme");
  EXPECT_EQ(c.issuer_der, root.cert->subject_der);
  EXPECT_EQ(c.issuer_hash, root.cert->subject_hash);
  EXPECT_EQ(base::Hex(c.serial), "0102ff");
  EXPECT_EQ(c.dns_sans, (std::vector<std::string>{"a.example.com", "*.example.com"}));
  EXPECT_EQ(c.uri_sans, std::vector<std::string>{"spiffe://corp/alice"});
  EXPECT_EQ(c.email_sans, std::vector<std::string>{"alice@example.com"});
  EXPECT_EQ(c.ip_sans, std::vector<std::string>{"10.0.0.1"});
  EXPECT_FALSE(c.is_ca);
  EXPECT_FALSE(c.self_issued);
  EXPECT_EQ(c.key_algorithm, "P-256");
  EXPECT_EQ(c.authority_key_id, root.cert->subject_key_id);
  EXPECT_EQ(absl::FormatTime(c.not_before, absl::UTCTimeZone()), "2020-01-01T00:00:00+00:00");
  EXPECT_EQ(absl::FormatTime(c.not_after, absl::UTCTimeZone()), "2090-01-01T00:00:00+00:00");
  EXPECT_EQ(FirstDefect(c), nullptr);
  EXPECT_EQ(CertificateId("org", c), "org" + base::Hex(c.fingerprint));
  EXPECT_TRUE(root.cert->is_ca);
  EXPECT_TRUE(root.cert->self_issued);
}

TEST(CertificateTest, RefusesWhatIsNotExactlyOneCertificate) {
  const TestCert leaf = Root();
  EXPECT_FALSE(ParseCertificate("").ok());
  EXPECT_FALSE(ParseCertificate("not DER").ok());
  EXPECT_FALSE(ParseCertificate(leaf.der + std::string(1, '\0')).ok()) << "trailing byte";
  EXPECT_FALSE(ParseCertificate(leaf.der + leaf.der).ok()) << "doubled";
  EXPECT_FALSE(ParseCertificate(leaf.der.substr(0, leaf.der.size() - 1)).ok()) << "cut";
  EXPECT_FALSE(ParseCertificate(std::string(70000, '\x30')).ok());
}

TEST(CertificateTest, RefusesAnOuterLengthThatIsNotDer) {
  std::string der = Root().der;
  ASSERT_EQ(static_cast<unsigned char>(der[1]), 0x82);
  const std::string longer = std::string("\x30\x83\0", 3) + der.substr(2);
  EXPECT_FALSE(ParseCertificate(longer).ok());
}

TEST(CertificateTest, SurvivesEveryCutAndFlipUnderAGoodSignature) {
  const TestCert root = Root();
  const TestCert leaf = CertBuilder("CN=x").Dns("a").Uri("spiffe://b/c").SignBy(root);
  const std::string tbs = testing::SignedPartOf(leaf);
  ASSERT_EQ(testing::SignBytes(tbs, root, leaf.key).cert->tbs_sha256, leaf.cert->tbs_sha256);
  for (size_t i = 0; i < tbs.size(); ++i) {
    std::string flipped = tbs;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x20);
    const TestCert made = testing::SignBytes(flipped, root, leaf.key);
    if (made.cert != nullptr) {
      EXPECT_EQ(made.cert->der, made.der);
    }
    (void)testing::SignBytes(tbs.substr(0, i), root, leaf.key);
  }
  EXPECT_EQ(testing::SignBytes(tbs + "x", root, leaf.key).cert, nullptr);
}

TEST(CertificateTest, KeepsMalformedSansOutOfTheFacts) {
  const TestCert leaf = CertBuilder("CN=x")
                            .Dns(absl::string_view("a\0.example.com", 14))
                            .Dns("b c")
                            .Uri("spiffe://corp/a\n")
                            .Email("a b@c")
                            .Ip("123")
                            .Dns("good")
                            .SignBy(Root());
  EXPECT_EQ(leaf.cert->dns_sans, std::vector<std::string>{"good"});
  EXPECT_TRUE(leaf.cert->uri_sans.empty());
  EXPECT_TRUE(leaf.cert->email_sans.empty());
  EXPECT_TRUE(leaf.cert->ip_sans.empty());
  EXPECT_TRUE(leaf.cert->has_malformed_san);
  EXPECT_EQ(leaf.cert->alternative_names.size(), 6U);
}

TEST(CertificateDefectTest, NoneInOrdinaryCertificates) {
  const TestCert root = Root();
  EXPECT_EQ(CertificateDefect(root), Reason::kAllowed);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").LikeOpensslReq().SelfSign()), Reason::kAllowed);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").Version(1).SignBy(root)), Reason::kAllowed);
  EXPECT_EQ(CertificateDefect(CertBuilder("").Dns("a").SignBy(root)), Reason::kAllowed)
      << "empty subject, SAN not critical";
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").Serial(-5).SignBy(root)), Reason::kAllowed);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").Serial(0).SignBy(root)), Reason::kAllowed);
}

TEST(CertificateDefectTest, Extensions) {
  const TestCert root = Root();
  const auto with = [&](absl::string_view oid, bool critical, absl::string_view der) {
    return CertificateDefect(CertBuilder("CN=x").Extension(oid, critical, der).SignBy(root));
  };
  const absl::string_view null("\x05\0", 2);
  EXPECT_EQ(with("1.2.3.4", false, null), Reason::kAllowed);
  EXPECT_EQ(with("1.2.3.4", true, null), Reason::kCertCriticalExtension);
  EXPECT_EQ(with("2.5.29.30", false, null), Reason::kCertMalformed) << "name constraints";
  EXPECT_EQ(with("2.5.29.17", false, null), Reason::kCertMalformed) << "SAN";
  EXPECT_EQ(with("2.5.29.15", false, "\x03\x02\x07\x80"), Reason::kCertMalformed) << "second KU";
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x")
                                  .Extension("1.2.3.4", false, null)
                                  .Extension("1.2.3.4", false, null)
                                  .SignBy(root)),
            Reason::kCertMalformed);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").EmptySan().SignBy(root)), Reason::kCertMalformed);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").ExtendedUsage({}).SignBy(root)),
            Reason::kCertWrongUsage);
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x")
                                  .ConfigExtension("sbgp-ipAddrBlock", "critical,IPv4:10.0.0.0/8")
                                  .SignBy(root)),
            Reason::kCertCriticalExtension)
      << "OpenSSL calls it supported, only its own path builder enforces it";
  EXPECT_EQ(
      with("1.3.6.1.5.5.7.1.14", true, "\x30\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x15\x01"),
      Reason::kCertMalformed)
      << "proxy certificate";
}

TEST(CertificateDefectTest, TooManyExtensions) {
  CertBuilder builder("CN=x");
  for (int i = 0; i < 61; ++i) {
    builder.Extension("1.2.3." + std::to_string(i), false, absl::string_view("\x05\0", 2));
  }
  EXPECT_EQ(CertificateDefect(builder.SignBy(Root())), Reason::kCertMalformed);
}

TEST(CertificateDefectTest, ExtensionsNeedVersionThree) {
  const TestCert made = CertBuilder("CN=x")
                            .Tweak([](X509* x509) { X509_set_version(x509, X509_VERSION_1); })
                            .SignBy(Root());
  EXPECT_EQ(CertificateDefect(made), Reason::kCertMalformed);
}

TEST(CertificateDefectTest, Names) {
  const TestCert root = Root();
  EXPECT_EQ(CertificateDefect(CertBuilder("").SignBy(root)), Reason::kCertMalformed)
      << "neither subject nor SAN";
  EXPECT_EQ(CertificateDefect(CertBuilder("").Ca().Dns("a").SignBy(root)), Reason::kCertMalformed)
      << "CA with an empty subject";
  EXPECT_EQ(CertificateDefect(CertBuilder("CN=x").IssuerName("").SignBy(root)),
            Reason::kCertMalformed);
}

TEST(CertificateDefectTest, TimesThatAreNotDer) {
  const TestCert root = Root();
  for (const char* time : {"2006010000Z", "200601000000+0000", "200601000000", "201301000000Z",
                           "200230000000Z", "2006010000a0Z"}) {
    const TestCert made = CertBuilder("CN=x")
                              .Tweak([time](X509* x509) {
                                ASN1_STRING_set(X509_getm_notBefore(x509), time, -1);
                                X509_getm_notBefore(x509)->type = V_ASN1_UTCTIME;
                              })
                              .SignBy(root);
    if (made.cert == nullptr) continue;  // OpenSSL itself refused it
    EXPECT_EQ(CertificateDefect(made), Reason::kCertMalformed) << time;
    EXPECT_EQ(made.cert->not_before, absl::InfiniteFuture()) << time;
  }
}

TEST(CertificateDefectTest, InnerAndOuterSignatureAlgorithmDiffer) {
  const TestCert made = CertBuilder("CN=x").Digest("SHA256").SignBy(Root());
  // ecdsa-with-SHA256 ends in 04 03 02; the last of the two is the outer one.
  std::string der = made.der;
  const std::string oid("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02", 10);
  const size_t outer = der.rfind(oid);
  ASSERT_NE(outer, std::string::npos);
  der[outer + 9] = '\x03';
  EXPECT_EQ(CertificateDefect(testing::FromDer(der, made.key)), Reason::kCertMalformed);
}

TEST(KeyDefectTest, Kinds) {
  const TestCert root = Root();
  const auto with = [&](KeyType type) {
    return KeyDefect(CertBuilder("CN=x").Key(type).SignBy(root));
  };
  for (const KeyType good : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519,
                             KeyType::kEd448, KeyType::kRsa2048, KeyType::kRsa4096}) {
    EXPECT_EQ(with(good), Reason::kAllowed) << static_cast<int>(good);
  }
  for (const KeyType bad : {KeyType::kRsa1024, KeyType::kDsa, KeyType::kSecp256k1}) {
    EXPECT_EQ(with(bad), Reason::kCertWeakKey) << static_cast<int>(bad);
  }
}

TEST(KeyDefectTest, ExplicitCurveParameters) {
  testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  ASSERT_EQ(EVP_PKEY_set_utf8_string_param(key.get(), "encoding", "explicit"), 1);
  const TestCert made = CertBuilder("CN=x").Key(key).SignBy(Root());
  EXPECT_EQ(KeyDefect(made), Reason::kCertWeakKey);
}

TEST(SignatureDefectTest, Algorithms) {
  const TestCert root = Root();
  const TestCert rsa = CertBuilder("CN=RSA").Ca().Key(KeyType::kRsa2048).SelfSign();
  const TestCert ed = CertBuilder("CN=Ed").Ca().Key(KeyType::kEd25519).SelfSign();
  for (const char* good : {"SHA256", "SHA384", "SHA512"}) {
    EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").Digest(good).SignBy(root)), Reason::kAllowed);
    EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").Digest(good).SignBy(rsa)), Reason::kAllowed);
    EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").Digest(good).Pss().SignBy(rsa)),
              Reason::kAllowed);
  }
  for (const char* bad : {"SHA1", "SHA224", "MD5"}) {
    EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").Digest(bad).SignBy(rsa)),
              Reason::kCertWeakSignature)
        << bad;
  }
  EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").Digest("SHA1").Pss().SignBy(rsa)),
            Reason::kCertWeakSignature);
  EXPECT_EQ(SignatureDefect(CertBuilder("CN=x").SignBy(ed)), Reason::kAllowed);
}

TEST(CertificateTest, MalleatedSignatureKeepsTheSignedPart) {
  const TestCert leaf = CertBuilder("CN=x").SignBy(Root());
  const TestCert twin = testing::WithMalleatedSignature(leaf);
  ASSERT_NE(twin.cert, nullptr);
  EXPECT_NE(twin.cert->fingerprint, leaf.cert->fingerprint);
  EXPECT_EQ(twin.cert->tbs_sha256, leaf.cert->tbs_sha256);
  EXPECT_EQ(twin.cert->serial, leaf.cert->serial);
}

}  // namespace
}  // namespace sallyport::crypto
