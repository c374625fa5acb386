#include <gtest/gtest.h>

#include "authsvc/verify/path_memo.h"
#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

Reason With(PathQuestion question, const RevocationSpec& spec, PathMemo* memo = nullptr) {
  question.revocation = RevocationList::Make(spec);
  return ReasonOf(VerifyPath(question, memo));
}

TEST(RevocationTest, EachWayAlone) {
  const TestCert root = MakeRoot();
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert leaf = CertBuilder("CN=x").Key(key).SignBy(root);
  const TestCert renewed = CertBuilder("CN=x").Key(key).SignBy(root);
  const PathQuestion question = Question({leaf}, Trust({root}));
  const PathQuestion other = Question({renewed}, Trust({root}));
  RevocationSpec spec;
  EXPECT_EQ(With(question, spec), Reason::kAllowed);
  spec.serials.push_back({leaf.cert->issuer_der, leaf.cert->serial});
  EXPECT_EQ(With(question, spec), Reason::kCertRevoked);
  EXPECT_EQ(With(other, spec), Reason::kAllowed);
  spec.serials = {{leaf.cert->issuer_der, std::string(2, '\0') + leaf.cert->serial}};
  EXPECT_EQ(With(question, spec), Reason::kCertRevoked) << "zero bytes in front say nothing";
  spec = {};
  spec.signed_parts.push_back(leaf.cert->tbs_sha256);
  EXPECT_EQ(With(question, spec), Reason::kCertRevoked);
  EXPECT_EQ(With(other, spec), Reason::kAllowed);
  spec = {};
  spec.public_keys.push_back(leaf.cert->spki_sha256);
  EXPECT_EQ(With(question, spec), Reason::kCertRevoked);
  EXPECT_EQ(With(other, spec), Reason::kCertRevoked) << "the key is denied, not the certificate";
}

TEST(RevocationTest, AMalleatedSignatureDoesNotWalkRoundIt) {
  const TestCert root = MakeRoot();
  const TestCert leaf = CertBuilder("CN=x").SignBy(root);
  const TestCert twin = testing::WithMalleatedSignature(leaf);
  ASSERT_NE(twin.cert->fingerprint, leaf.cert->fingerprint);
  EXPECT_EQ(ReasonFor({twin}, Trust({root})), Reason::kAllowed) << "it does verify";
  RevocationSpec spec;
  RevocationList::Add(*leaf.cert, false, &spec);
  EXPECT_EQ(With(Question({leaf}, Trust({root})), spec), Reason::kCertRevoked);
  EXPECT_EQ(With(Question({twin}, Trust({root})), spec), Reason::kCertRevoked);
  const RevocationListPtr list = RevocationList::Make(spec);
  EXPECT_TRUE(CheckLeafAlone(*twin.cert, TestNow(), Purpose::kClient, list.get()).has_value());
}

TEST(RevocationTest, IssuersAndAnchorsToo) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(inter);
  const PathQuestion question = Question({leaf, inter}, Trust({root}));
  for (const TestCert& denied : {inter, root}) {
    RevocationSpec spec;
    RevocationList::Add(*denied.cert, false, &spec);
    EXPECT_EQ(With(question, spec), Reason::kCertRevoked);
  }
}

TEST(RevocationTest, AnotherPathMayStillBeGood) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert root = MakeRoot();
  const TestCert first = CertBuilder("CN=I").Ca().Key(key).SignBy(root);
  const TestCert second = CertBuilder("CN=I").Ca().Key(key).SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(first);
  RevocationSpec spec;
  RevocationList::Add(*first.cert, false, &spec);
  EXPECT_EQ(With(Question({leaf, first, second}, Trust({root})), spec), Reason::kAllowed);
  spec = {};
  RevocationList::Add(*first.cert, true, &spec);
  EXPECT_EQ(With(Question({leaf, first, second}, Trust({root})), spec), Reason::kCertRevoked);
}

TEST(RevocationTest, SameSerialOfAnotherIssuerIsNotMeant) {
  const TestCert root = MakeRoot();
  const TestCert other = MakeRoot("CN=Other");
  const TestCert leaf = CertBuilder("CN=x").Serial(7).SignBy(root);
  const TestCert same = CertBuilder("CN=x").Serial(7).SignBy(other);
  RevocationSpec spec;
  spec.serials.push_back({leaf.cert->issuer_der, leaf.cert->serial});
  EXPECT_EQ(With(Question({same}, Trust({other})), spec), Reason::kAllowed);
}

TEST(RevocationTest, TheMemoDoesNotOutliveAnewList) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert leaf = CertBuilder("CN=x").SignBy(root);
  const PathQuestion question = Question({leaf}, Trust({root}));
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kAllowed);
  RevocationSpec spec;
  RevocationList::Add(*leaf.cert, false, &spec);
  EXPECT_EQ(With(question, spec, &memo), Reason::kCertRevoked);
  EXPECT_EQ(With(question, {}, &memo), Reason::kAllowed);
}

TEST(RevocationTest, EqualContentGivesAnEqualVersion) {
  const TestCert a = MakeRoot();
  const TestCert b = MakeRoot("CN=B");
  RevocationSpec one;
  RevocationList::Add(*a.cert, true, &one);
  RevocationList::Add(*b.cert, true, &one);
  RevocationSpec two;
  RevocationList::Add(*b.cert, true, &two);
  RevocationList::Add(*a.cert, true, &two);
  EXPECT_EQ(RevocationList::Make(one)->version(), RevocationList::Make(two)->version());
  EXPECT_NE(RevocationList::Make(one)->version(), RevocationList::Make({})->version());
}

}  // namespace
}  // namespace sallyport::authsvc
