#include "shared/crypto/denied_certificates.h"

#include <gtest/gtest.h>

#include "tests/fakes/test_ca.h"

namespace sallyport::crypto {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;
using sallyport::testing::WithMalleatedSignature;

class DeniedCertificatesTest : public ::testing::Test {
 protected:
  const TestCert root_ = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert other_root_ = CertBuilder("CN=Other root").Ca().SelfSign();
  const TestCert leaf_ = CertBuilder("CN=a").SignBy(root_);
  const TestCert sibling_ = CertBuilder("CN=b").SignBy(root_);
  DeniedCertificates denied_;
};

TEST_F(DeniedCertificatesTest, ByIssuerAndSerial) {
  denied_.Add(leaf_.cert->issuer_der, std::string(2, '\0') + leaf_.cert->serial, "", "");
  EXPECT_TRUE(denied_.Names(leaf_.der));
  EXPECT_TRUE(denied_.Names(WithMalleatedSignature(leaf_).der))
      << "other bytes of the same certificate";
  EXPECT_FALSE(denied_.Names(sibling_.der));
  EXPECT_FALSE(denied_.Names(root_.der));
}

TEST_F(DeniedCertificatesTest, TheSerialOfAnotherIssuerIsNotMeant) {
  denied_.Add(other_root_.cert->subject_der, leaf_.cert->serial, "", "");
  EXPECT_FALSE(denied_.Names(leaf_.der));
}

TEST_F(DeniedCertificatesTest, ByPublicKey) {
  denied_.Add("", "", leaf_.cert->spki_sha256, "");
  EXPECT_TRUE(denied_.Names(leaf_.der));
  EXPECT_TRUE(denied_.NamesKey(leaf_.cert->spki_sha256));
  EXPECT_FALSE(denied_.NamesBesideKey(leaf_.der));
  EXPECT_FALSE(denied_.Names(sibling_.der));
}

TEST_F(DeniedCertificatesTest, BySignedPart) {
  denied_.Add("", "", "", leaf_.cert->tbs_sha256);
  EXPECT_TRUE(denied_.Names(leaf_.der));
  EXPECT_TRUE(denied_.Names(WithMalleatedSignature(leaf_).der));
  EXPECT_FALSE(denied_.Names(sibling_.der));
}

TEST_F(DeniedCertificatesTest, ASerialWithoutIssuerNamesNothing) {
  denied_.Add("", leaf_.cert->serial, "", "");
  EXPECT_TRUE(denied_.empty());
  EXPECT_FALSE(denied_.Names(leaf_.der));
}

TEST_F(DeniedCertificatesTest, AnyBytesAreReadWithinTheirEnd) {
  denied_.Add(leaf_.cert->issuer_der, leaf_.cert->serial, leaf_.cert->spki_sha256,
              leaf_.cert->tbs_sha256);
  EXPECT_FALSE(denied_.Names(""));
  EXPECT_FALSE(denied_.Names("no certificate"));
  for (size_t size = 0; size < leaf_.der.size(); ++size) {
    const std::string cut = leaf_.der.substr(0, size);
    EXPECT_FALSE(denied_.Names(cut)) << size;
  }
}

}  // namespace
}  // namespace sallyport::crypto
