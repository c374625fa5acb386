// The search: which paths are found, and what is said when none is.
#include <gtest/gtest.h>

#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

TEST(PathTest, LeafUnderAnchor) {
  const TestCert root = MakeRoot();
  const TestCert leaf = CertBuilder("CN=alice").SignBy(root);
  const PathResult result = Verify({leaf}, Trust({root}));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result.path->certificates.size(), 2U);
  EXPECT_EQ(result.path->certificates[0], leaf.cert);
  EXPECT_EQ(result.path->certificates[1], root.cert);
  EXPECT_EQ(result.path->anchor, AnchorKind::kAuthority);
  EXPECT_EQ(result.path->not_after, root.cert->not_after);
}

TEST(PathTest, EarliestNotAfterAndLatestNotBefore) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I")
                             .Ca()
                             .Valid(TestNow() - absl::Hours(1), TestNow() + absl::Hours(1))
                             .SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.path->not_before, TestNow() - absl::Hours(1));
  EXPECT_EQ(result.path->not_after, TestNow() + absl::Hours(1));
}

TEST(PathTest, KnownIntermediateNeedNotBePresented) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(inter);
  EXPECT_EQ(ReasonFor({leaf}, Trust({root})), Reason::kCertUntrusted);
  TrustSpec spec;
  spec.authorities = {root.cert};
  spec.known = {inter.cert};
  EXPECT_EQ(ReasonFor({leaf}, TrustSet::Make(spec)), Reason::kAllowed);
  spec.authorities.clear();
  EXPECT_EQ(ReasonFor({leaf}, TrustSet::Make(spec)), Reason::kCertUntrusted)
      << "known is not trusted";
}

TEST(PathTest, ListedIntermediateIsAnAnchor) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(inter);
  const PathResult result = Verify({leaf}, Trust({inter}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.path->certificates.back(), inter.cert);
}

TEST(PathTest, PresentedOrderDoesNotMatter) {
  const TestCert root = MakeRoot();
  const TestCert a = CertBuilder("CN=A").Ca().SignBy(root);
  const TestCert b = CertBuilder("CN=B").Ca().SignBy(a);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(b);
  EXPECT_EQ(ReasonFor({leaf, a, b, root}, Trust({root})), Reason::kAllowed);
  EXPECT_EQ(ReasonFor({leaf, b, b, a, a}, Trust({root})), Reason::kAllowed);
}

TEST(PathTest, OnlyTheFirstPresentedIsTheLeaf) {
  const TestCert root = MakeRoot();
  const TestCert victim = CertBuilder("CN=victim").SignBy(root);
  const TestCert attacker = CertBuilder("CN=attacker").LikeOpensslReq().SelfSign();
  EXPECT_EQ(ReasonFor({attacker, victim}, Trust({root})), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({attacker, victim}, TrustExactly(victim)), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({attacker, victim, root}, Trust({root, victim})), Reason::kCertUntrusted);
}

TEST(PathTest, PresentedRootIsNotTrusted) {
  const TestCert root = MakeRoot();
  const TestCert other = MakeRoot("CN=Other");
  const TestCert leaf = CertBuilder("CN=alice").SignBy(root);
  EXPECT_EQ(ReasonFor({leaf, root}, Trust({other})), Reason::kCertUntrusted);
}

TEST(PathTest, AnchorIsKnownByItsBytesNotByNameAndKey) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert listed = CertBuilder("CN=Root").Ca().Key(key).SelfSign();
  const TestCert twin = CertBuilder("CN=Root").Ca().Key(key).Expired().SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").SignBy(listed);
  EXPECT_EQ(ReasonFor({leaf}, Trust({twin})), Reason::kCertExpired)
      << "only the listed twin counts";
  EXPECT_EQ(ReasonFor({leaf, twin}, Trust({listed})), Reason::kAllowed);
}

TEST(PathTest, DeepChainWithinTheLimit) {
  std::vector<TestCert> chain = {MakeRoot()};
  for (int i = 0; i < 8; ++i) {
    chain.push_back(CertBuilder("CN=I" + std::to_string(i)).Ca().SignBy(chain.back()));
  }
  PathQuestion question;
  question.presented.push_back(CertBuilder("CN=alice").SignBy(chain.back()).cert);
  for (auto it = chain.rbegin(); it != chain.rend(); ++it) question.presented.push_back(it->cert);
  question.trust = Trust({chain.front()});
  question.time = TestNow();
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed);
  question.max_depth = 7;
  const PathResult result = VerifyPath(question, nullptr);
  EXPECT_EQ(ReasonOf(result), Reason::kCertPathTooLong);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_CERT_CHAIN_TOO_LONG);
  question.max_depth = 8;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed);

  const TestCert one_more = CertBuilder("CN=I9").Ca().SignBy(chain.back());
  question.presented.insert(question.presented.begin() + 1, one_more.cert);
  question.presented[0] = CertBuilder("CN=alice").SignBy(one_more).cert;
  question.max_depth = 0;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertPathTooLong);
}

TEST(PathTest, AFailingPathDoesNotHideAGoodOne) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert root = MakeRoot();
  const TestCert old_root = CertBuilder("CN=Old").Ca().Expired().SelfSign();
  // The same CA name and key, certified twice.
  const TestCert by_old = CertBuilder("CN=I").Ca().Key(key).SignBy(old_root);
  const TestCert by_new = CertBuilder("CN=I").Ca().Key(key).SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(by_old);
  EXPECT_EQ(ReasonFor({leaf, by_old, by_new}, Trust({old_root, root})), Reason::kAllowed);
  EXPECT_EQ(ReasonFor({leaf, by_new, by_old}, Trust({old_root, root})), Reason::kAllowed);
  const TestCert expired = CertBuilder("CN=I").Ca().Key(key).Expired().SignBy(root);
  const TestCert constrained =
      CertBuilder("CN=I").Ca().Key(key).Permit(GEN_DIRNAME, "CN=nobody").SignBy(root);
  EXPECT_EQ(ReasonFor({leaf, expired, constrained, by_new}, Trust({root})), Reason::kAllowed);
  EXPECT_NE(ReasonFor({leaf, expired, constrained}, Trust({root})), Reason::kAllowed);
}

TEST(PathTest, SameNameOtherKeyIsTriedToo) {
  const TestCert impostor = MakeRoot();
  const TestCert real = MakeRoot();
  const TestCert leaf = CertBuilder("CN=alice").NoKeyIds().SignBy(real);
  EXPECT_EQ(ReasonFor({leaf}, Trust({impostor, real})), Reason::kAllowed);
  const PathResult result = Verify({leaf}, Trust({impostor}));
  EXPECT_EQ(ReasonOf(result), Reason::kCertBadSignature);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_CERT_SIGNATURE_FAILURE);
  EXPECT_EQ(result.failure->depth, 0);
}

TEST(PathTest, OneBrokenCaDoesNotSpoilTheOthers) {
  const TestCert root = MakeRoot();
  const TestCert expired = CertBuilder("CN=Root").Ca().Expired().SelfSign();
  const TestCert future = CertBuilder("CN=Root").Ca().NotYetValid().SelfSign();
  const TestCert weak = CertBuilder("CN=Root").Ca().Key(KeyType::kRsa1024).SelfSign();
  const TestCert odd = CertBuilder("CN=Root")
                           .Ca()
                           .Extension("1.2.3.4", true, absl::string_view("\x05\0", 2))
                           .SelfSign();
  const TestCert v1 = CertBuilder("CN=Root").Version(1).SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").NoKeyIds().SignBy(root);
  EXPECT_EQ(ReasonFor({leaf}, Trust({expired, future, weak, odd, v1, root})), Reason::kAllowed);
  EXPECT_NE(ReasonFor({leaf}, Trust({expired, future, weak, odd, v1})), Reason::kAllowed);
}

TEST(PathTest, CrossSignedLoopEnds) {
  const testing::SharedKey key_a = testing::MakeKey(KeyType::kP256);
  const testing::SharedKey key_b = testing::MakeKey(KeyType::kP256);
  const TestCert a = CertBuilder("CN=A").Ca().Key(key_a).SelfSign();
  const TestCert b = CertBuilder("CN=B").Ca().Key(key_b).SelfSign();
  const TestCert a_by_b = CertBuilder("CN=A").Ca().Key(key_a).SignBy(b);
  const TestCert b_by_a = CertBuilder("CN=B").Ca().Key(key_b).SignBy(a);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(a);
  const PathResult result = Verify({leaf, a_by_b, b_by_a, a_by_b}, Trust({MakeRoot()}));
  EXPECT_EQ(ReasonOf(result), Reason::kCertUntrusted);
  EXPECT_LE(result.cost.edges, 4);
  EXPECT_EQ(ReasonFor({leaf, a_by_b, b_by_a}, Trust({b})), Reason::kAllowed);
}

TEST(PathTest, NothingPresentedOrNoTrust) {
  EXPECT_EQ(ReasonFor({}, Trust({MakeRoot()})), Reason::kCertRequired);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(MakeRoot());
  EXPECT_EQ(ReasonFor({leaf}, nullptr), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({leaf}, Trust({})), Reason::kCertUntrusted);
  PathQuestion question = Question({leaf}, Trust({MakeRoot()}));
  question.presented.push_back(nullptr);
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertMalformed);
  question.presented.assign(17, leaf.cert);
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertPathBudget);
}

TEST(PathReportTest, NamesTheCertificate) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().Expired().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.failure->reason, Reason::kCertExpired);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_CERT_HAS_EXPIRED);
  EXPECT_EQ(result.failure->depth, 1);
  EXPECT_EQ(result.failure->subject, "CN=I");
  EXPECT_EQ(result.failure->issuer, "CN=Root");
  EXPECT_EQ(result.failure->fingerprint, inter.cert->fingerprint);
}

TEST(PathReportTest, UnknownIssuers) {
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(inter);
  const TrustSetPtr trust = Trust({MakeRoot("CN=Other")});
  EXPECT_EQ(Verify({leaf}, trust).failure->x509_error,
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY);
  EXPECT_EQ(Verify({leaf}, trust).failure->depth, 0);
  EXPECT_EQ(Verify({leaf, inter}, trust).failure->depth, 1);
  EXPECT_EQ(Verify({leaf, inter, root}, trust).failure->x509_error,
            X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN);
  EXPECT_EQ(Verify({CertBuilder("CN=x").LikeOpensslReq().SelfSign()}, trust).failure->x509_error,
            X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
}

TEST(PathReportTest, PathThatReachedAnAnchorBeatsUnknownIssuer) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert root = MakeRoot();
  const TestCert stranger = MakeRoot("CN=Stranger");
  const TestCert unknown = CertBuilder("CN=I").Ca().Key(key).SignBy(stranger);
  const TestCert expired = CertBuilder("CN=I").Ca().Key(key).Expired().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(unknown);
  EXPECT_EQ(ReasonFor({leaf, unknown, expired}, Trust({root})), Reason::kCertExpired);
}

TEST(PathReportTest, FirstErrorFromTheLeafUp) {
  const TestCert root = CertBuilder("CN=Root").Ca().Expired().SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").Expired().SignBy(root);
  EXPECT_EQ(Verify({leaf}, Trust({root})).failure->depth, 0);
  const TestCert inter = CertBuilder("CN=I").Ca().Usage(KU_CRL_SIGN).SignBy(root);
  const TestCert below = CertBuilder("CN=alice").SignBy(inter);
  const PathResult result = Verify({below, inter}, Trust({root}));
  EXPECT_EQ(result.failure->depth, 1);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_KEYUSAGE_NO_CERTSIGN);
}

}  // namespace
}  // namespace sallyport::authsvc
