#include "authsvc/identify/identify.h"

#include "gtest/gtest.h"
#include "shared/base/text.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

TEST(IdentityName, OfAKeyIsItsAliasOrId) {
  const TestCert leaf = CertBuilder("CN=alice").Uri("spiffe://corp/alice").SelfSign();
  v1::Key key;
  key.set_id("key1");
  EXPECT_EQ(IdentityName(&key, leaf.cert.get()), "key1");
  key.set_alias("team-a");
  EXPECT_EQ(IdentityName(&key, leaf.cert.get()), "team-a");
  EXPECT_EQ(IdentityName(&key, nullptr), "team-a");
}

TEST(IdentityName, OfACertificateIsItsFirstFitName) {
  const struct {
    TestCert leaf;
    const char* name;
  } cases[] = {
      {CertBuilder("CN=s")
           .Email("a@x")
           .Dns("a.x")
           .Uri("spiffe://x/a")
           .Uri("spiffe://x/b")
           .SelfSign(),
       "spiffe://x/a"},
      {CertBuilder("CN=s").Email("a@x").Dns("a.x").Dns("b.x").SelfSign(), "a.x"},
      {CertBuilder("CN=s").Email("a@x").Dns("*.x").Dns("b.x").SelfSign(), "b.x"},
      {CertBuilder("CN=s").Email("a@x").Dns("*.x").SelfSign(), "a@x"},
      {CertBuilder("CN=s").Dns("*.x").SelfSign(), "CN=s"},
      {CertBuilder("CN=s").Dns("a*.x").SelfSign(), "CN=s"},
      {CertBuilder("CN=s").SelfSign(), "CN=s"},
  };
  for (const auto& c : cases) EXPECT_EQ(IdentityName(nullptr, c.leaf.cert.get()), c.name);
  EXPECT_EQ(IdentityName(nullptr, nullptr), "");
}

TEST(IdentityName, ASanWithANulNamesNobody) {
  const TestCert leaf =
      CertBuilder("CN=s").San(GEN_DNS, std::string("admin\0.evil", 11)).SelfSign();
  EXPECT_EQ(IdentityName(nullptr, leaf.cert.get()), "CN=s");
}

TEST(Facts, AreThoseOfTheCertificate) {
  const TestCert leaf = CertBuilder("O=Acme,CN=alice").Serial(255).Dns("a.x").SelfSign();
  const v1::CertificateFacts facts = FactsOf(*leaf.cert);
  EXPECT_EQ(facts.fingerprint(), base::Hex(leaf.cert->fingerprint));
  EXPECT_EQ(facts.spki_sha256(), base::Hex(leaf.cert->spki_sha256));
  EXPECT_EQ(facts.serial(), "ff");
  EXPECT_EQ(facts.subject(), leaf.cert->subject);
  EXPECT_EQ(facts.dns_sans(0), "a.x");
  EXPECT_FALSE(facts.is_ca());
  EXPECT_LT(facts.not_before_unix(), facts.not_after_unix());
}

TEST(Failure, IsPassedOnInFull) {
  PathFailure failure;
  failure.reason = base::Reason::kCertExpired;
  failure.x509_error = X509_V_ERR_CERT_HAS_EXPIRED;
  failure.depth = 1;
  failure.subject = "CN=s";
  failure.issuer = "CN=i";
  failure.fingerprint = "\x01\x02";
  failure.detail = "d";
  const v1::PathFailure out = FailureOf(failure);
  EXPECT_EQ(out.reason(), 12U);
  EXPECT_EQ(out.x509_error(), X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(out.depth(), 1);
  EXPECT_EQ(out.subject(), "CN=s");
  EXPECT_EQ(out.issuer(), "CN=i");
  EXPECT_EQ(out.fingerprint(), "0102");
  EXPECT_EQ(out.detail(), "d");
}

}  // namespace
}  // namespace sallyport::authsvc
