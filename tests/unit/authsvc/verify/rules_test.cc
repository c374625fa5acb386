// The policy table of reference x509.md, and each single check of an issuer and of a leaf.
#include <gtest/gtest.h>

#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

Reason WithLeaf(CertBuilder leaf) {
  const TestCert root = MakeRoot();
  return ReasonFor({leaf.SignBy(root)}, Trust({root}));
}
Reason WithIntermediate(CertBuilder intermediate) {
  const TestCert root = MakeRoot();
  const TestCert made = intermediate.SignBy(root);
  return ReasonFor({CertBuilder("CN=alice").SignBy(made), made}, Trust({root}));
}
Reason WithAnchor(CertBuilder anchor) {
  const TestCert made = anchor.SelfSign();
  return ReasonFor({CertBuilder("CN=alice").SignBy(made)}, Trust({made}));
}

TEST(PolicyTableTest, ExactlyListedSelfSigned) {
  const auto alone = [](CertBuilder builder) {
    const TestCert made = builder.SelfSign();
    const Reason exact = ReasonFor({made}, TrustExactly(made));
    EXPECT_EQ(exact, ReasonFor({made}, Trust({made})));
    return exact;
  };
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq()), Reason::kAllowed);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().Key(KeyType::kRsa2048)), Reason::kAllowed);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().Digest("SHA1")), Reason::kAllowed);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().Expired()), Reason::kCertExpired);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().NotYetValid()), Reason::kCertNotYetValid);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().ServerAuth()), Reason::kCertWrongUsage);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().Key(KeyType::kRsa1024)),
            Reason::kCertWeakKey);
  EXPECT_EQ(alone(CertBuilder("CN=x").LikeOpensslReq().Extension("1.2.3.4", true,
                                                                 absl::string_view("\x05\0", 2))),
            Reason::kCertCriticalExtension);
}

TEST(PolicyTableTest, ExactlyListedNeedsNoGoodSignature) {
  const TestCert made =
      testing::WithBrokenSignature(CertBuilder("CN=x").LikeOpensslReq().SelfSign());
  EXPECT_EQ(ReasonFor({made}, TrustExactly(made)), Reason::kAllowed);
  const TestCert issued = CertBuilder("CN=x").SignBy(MakeRoot());
  EXPECT_EQ(ReasonFor({issued}, TrustExactly(issued)), Reason::kAllowed) << "issuer unknown";
}

TEST(PolicyTableTest, ExactAdmitsOnlyItself) {
  const TestCert listed = CertBuilder("CN=x").LikeOpensslReq().SelfSign();
  const TestCert issued = CertBuilder("CN=y").SignBy(listed);
  EXPECT_EQ(ReasonFor({issued}, TrustExactly(listed)), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({issued, listed}, TrustExactly(listed)), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({issued}, Trust({listed})), Reason::kAllowed)
      << "a CA:TRUE entry that is not exact admits what it issues";
  EXPECT_EQ(Verify({listed}, TrustExactly(listed)).path->anchor, AnchorKind::kExact);
}

TEST(PolicyTableTest, ListedLeafDoesNotIssue) {
  const TestCert leaf = CertBuilder("CN=x").SignBy(MakeRoot());
  const TestCert below = CertBuilder("CN=y").SignBy(leaf);
  EXPECT_EQ(ReasonFor({leaf}, Trust({leaf})), Reason::kAllowed);
  EXPECT_EQ(ReasonFor({below}, Trust({leaf})), Reason::kCertInvalidCa);
}

TEST(PolicyTableTest, PublicKeyAnchor) {
  const testing::SharedKey key = testing::MakeKey(KeyType::kP256);
  const TestCert leaf = CertBuilder("CN=x").Key(key).SignBy(MakeRoot());
  TrustSpec spec;
  spec.public_keys = {leaf.cert->spki_sha256};
  const TrustSetPtr trust = TrustSet::Make(spec);
  const PathResult result = Verify({leaf}, trust);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.path->anchor, AnchorKind::kPublicKey);
  EXPECT_EQ(ReasonFor({CertBuilder("CN=y").Key(key).Expired().SelfSign()}, trust),
            Reason::kCertExpired);
  const TestCert other = CertBuilder("CN=z").SelfSign();
  EXPECT_EQ(ReasonFor({other}, trust), Reason::kCertUntrusted);
  EXPECT_EQ(ReasonFor({other, leaf}, trust), Reason::kCertUntrusted) << "only the leaf";
  const TestCert ca = CertBuilder("CN=ca").Ca().Key(key).SelfSign();
  const TestCert below = CertBuilder("CN=below").SignBy(ca);
  EXPECT_EQ(ReasonFor({below, ca}, trust), Reason::kCertUntrusted) << "a key is no issuer";
}

TEST(PolicyTableTest, Tolerated) {
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").NoKeyIds()), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Usage(std::nullopt)), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").AuthorityKeyId("not that key")), Reason::kAllowed)
      << "AKI mismatch is a hint only";
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Serial(-7)), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Serial(0)), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("").Uri("spiffe://corp/x")), Reason::kAllowed)
      << "empty subject, SAN not critical";
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Version(1)), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").NoExtendedUsage()), Reason::kAllowed);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").ExtendedUsage({"anyExtendedKeyUsage"})), Reason::kAllowed);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().BasicConstraints(false, true)), Reason::kAllowed);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Usage(std::nullopt).NoKeyIds()), Reason::kAllowed);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().ExtendedUsage({"anyExtendedKeyUsage"})),
            Reason::kAllowed);
}

TEST(PolicyTableTest, Refused) {
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").ExtendedUsage({})), Reason::kCertWrongUsage);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").ServerAuth()), Reason::kCertWrongUsage);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").ExtendedUsage({"1.2.3.4"})), Reason::kCertWrongUsage);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Usage(KU_KEY_ENCIPHERMENT)), Reason::kCertKeyUsage);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Key(KeyType::kRsa1024)), Reason::kCertWeakKey);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Key(KeyType::kDsa)), Reason::kCertWeakKey);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Key(KeyType::kSecp256k1)), Reason::kCertWeakKey);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Digest("SHA1")), Reason::kCertWeakSignature);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").Expired()), Reason::kCertExpired);
  EXPECT_EQ(WithLeaf(CertBuilder("CN=x").NotYetValid()), Reason::kCertNotYetValid);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Expired()), Reason::kCertExpired);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Version(1)), Reason::kCertInvalidCa) << "v1 as CA";
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().NoBasicConstraints()), Reason::kCertInvalidCa);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().BasicConstraints(true, false)),
            Reason::kCertInvalidCa);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Usage(KU_CRL_SIGN)), Reason::kCertInvalidCa);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Key(KeyType::kRsa1024)), Reason::kCertWeakKey);
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().ServerAuth()), Reason::kCertWrongUsage);
}

TEST(PolicyTableTest, Sha1OfAnAnchorOnItself) {
  EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Key(KeyType::kRsa2048).Digest("SHA1")),
            Reason::kAllowed);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca().Digest("SHA1")), Reason::kCertWeakSignature);
}

TEST(RulesTest, KeyStrengthCodesTellLeafFromCa) {
  const TestCert root = MakeRoot();
  const TestCert weak_leaf = CertBuilder("CN=x").Key(KeyType::kRsa1024).SignBy(root);
  EXPECT_EQ(Verify({weak_leaf}, Trust({root})).failure->x509_error, X509_V_ERR_EE_KEY_TOO_SMALL);
  const TestCert weak = CertBuilder("CN=R").Ca().Key(KeyType::kRsa1024).SelfSign();
  const PathResult result = Verify({CertBuilder("CN=x").SignBy(weak)}, Trust({weak}));
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_CA_KEY_TOO_SMALL);
  EXPECT_EQ(result.failure->depth, 1);
  EXPECT_EQ(result.cost.signatures, 0) << "never verified with a key out of bounds";
}

TEST(RulesTest, Intermediates) {
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca()), Reason::kAllowed);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I")), Reason::kCertInvalidCa);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca().Usage(KU_DIGITAL_SIGNATURE)),
            Reason::kCertInvalidCa);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca().ServerAuth()), Reason::kCertWrongUsage);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca().ExtendedUsage({"serverAuth", "clientAuth"})),
            Reason::kAllowed);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Ca().NotYetValid()), Reason::kCertNotYetValid);
  EXPECT_EQ(WithIntermediate(CertBuilder("CN=I").Version(1)), Reason::kCertInvalidCa);
}

TEST(RulesTest, EveryKeyKindSigns) {
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kP521, KeyType::kEd25519,
                             KeyType::kEd448, KeyType::kRsa2048, KeyType::kRsa4096}) {
    EXPECT_EQ(WithAnchor(CertBuilder("CN=R").Ca().Key(type)), Reason::kAllowed)
        << static_cast<int>(type);
  }
  const TestCert rsa = CertBuilder("CN=R").Ca().Key(KeyType::kRsa2048).SelfSign();
  EXPECT_EQ(ReasonFor({CertBuilder("CN=x").Pss().SignBy(rsa)}, Trust({rsa})), Reason::kAllowed);
}

TEST(RulesTest, PathLength) {
  const TestCert root = CertBuilder("CN=Root").Ca(0).SelfSign();
  EXPECT_EQ(ReasonFor({CertBuilder("CN=x").SignBy(root)}, Trust({root})), Reason::kAllowed);
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  EXPECT_EQ(ReasonOf(result), Reason::kCertPathTooLong);
  EXPECT_EQ(result.failure->x509_error, X509_V_ERR_PATH_LENGTH_EXCEEDED);
  // A key roll-over certificate (self-issued) does not count.
  const TestCert rolled = CertBuilder("CN=Root").Ca().SignBy(root);
  const TestCert below = CertBuilder("CN=x").SignBy(rolled);
  EXPECT_EQ(ReasonFor({below, rolled}, Trust({root})), Reason::kAllowed);
}

TEST(RulesTest, TimesAreInclusive) {
  const TestCert root = MakeRoot();
  const TestCert leaf =
      CertBuilder("CN=x").Valid(TestNow(), TestNow() + absl::Hours(1)).SignBy(root);
  PathQuestion question = Question({leaf}, Trust({root}));
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed);
  question.time = TestNow() - absl::Seconds(1);
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertNotYetValid);
  question.time = TestNow() + absl::Hours(1);
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed) << "notAfter equal to now";
  question.time += absl::Seconds(1);
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertExpired);
}

TEST(RulesTest, Purposes) {
  const TestCert root = MakeRoot();
  PathQuestion question = Question({CertBuilder("CN=x").ServerAuth().SignBy(root)}, Trust({root}));
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertWrongUsage);
  question.purpose = Purpose::kServer;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed);
  question.purpose = Purpose::kAny;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kAllowed);
  question = Question({CertBuilder("CN=x").SignBy(root)}, Trust({root}));
  question.purpose = Purpose::kServer;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertWrongUsage);
}

TEST(RulesTest, EmptyExtendedUsageIsRefusedForAnyPurpose) {
  const TestCert root = MakeRoot();
  PathQuestion question =
      Question({CertBuilder("CN=x").ExtendedUsage({}).SignBy(root)}, Trust({root}));
  question.purpose = Purpose::kAny;
  EXPECT_EQ(ReasonOf(VerifyPath(question, nullptr)), Reason::kCertWrongUsage);
}

TEST(RulesTest, PolicyConstraints) {
  const auto with = [](CertBuilder inter, CertBuilder leaf) {
    const TestCert root = MakeRoot();
    const TestCert made = inter.SignBy(root);
    return ReasonFor({leaf.SignBy(made), made}, Trust({root}));
  };
  const auto inter = [] {
    return CertBuilder("CN=I")
        .Ca()
        .ConfigExtension("policyConstraints", "critical,requireExplicitPolicy:0")
        .ConfigExtension("certificatePolicies", "1.2.3.4");
  };
  EXPECT_EQ(with(inter(), CertBuilder("CN=x").ConfigExtension("certificatePolicies", "1.2.3.4")),
            Reason::kAllowed);
  EXPECT_EQ(with(inter(), CertBuilder("CN=x")), Reason::kCertPolicy);
  EXPECT_EQ(with(inter(), CertBuilder("CN=x").ConfigExtension("certificatePolicies", "1.2.3.5")),
            Reason::kCertPolicy);
  EXPECT_EQ(with(CertBuilder("CN=I").Ca().ConfigExtension("certificatePolicies", "1.2.3.4"),
                 CertBuilder("CN=x")),
            Reason::kAllowed)
      << "policies without rules about them ask for nothing";
}

// Paths that OpenSSL is not asked about; under LeakSanitizer it would tell why.
TEST(RulesTest, PolicyConstraintsWithoutPolicies) {
  const auto with = [](absl::string_view inter, absl::string_view leaf) {
    const TestCert root = MakeRoot();
    const auto constrained = [](CertBuilder builder, absl::string_view constraints) {
      return constraints.empty() ? builder
                                 : builder.ConfigExtension("policyConstraints", constraints);
    };
    const TestCert made = constrained(CertBuilder("CN=I").Ca(), inter).SignBy(root);
    return ReasonFor({constrained(CertBuilder("CN=x"), leaf).SignBy(made), made}, Trust({root}));
  };
  EXPECT_EQ(with("requireExplicitPolicy:0", ""), Reason::kCertPolicy);
  EXPECT_EQ(with("requireExplicitPolicy:1", ""), Reason::kCertPolicy)
      << "the leaf is the one after it";
  EXPECT_EQ(with("requireExplicitPolicy:2", ""), Reason::kAllowed) << "the path ends before";
  EXPECT_EQ(with("", "requireExplicitPolicy:0"), Reason::kCertPolicy);
  EXPECT_EQ(with("", "requireExplicitPolicy:1"), Reason::kAllowed);
  EXPECT_EQ(with("inhibitPolicyMapping:0", ""), Reason::kAllowed);
  EXPECT_EQ(with("requireExplicitPolicy:2", "requireExplicitPolicy:0"), Reason::kCertPolicy);
}

TEST(RulesTest, MalformedPolicyConstraints) {
  const TestCert root = MakeRoot();
  const auto refused = [&](absl::string_view der) {
    return ReasonFor({CertBuilder("CN=x").Extension("2.5.29.36", false, der).SignBy(root)},
                     Trust({root}));
  };
  EXPECT_NE(refused(absl::string_view("\x30\x00", 2)), Reason::kAllowed) << "empty";
  EXPECT_NE(refused(absl::string_view("\x05\x00", 2)), Reason::kAllowed) << "no sequence";
  EXPECT_NE(refused(absl::string_view("\x30\x03\x80\x01\xff", 5)), Reason::kAllowed) << "negative";
}

TEST(LeafAloneTest, Checks) {
  const auto check = [](CertBuilder builder) {
    const auto failure =
        CheckLeafAlone(*builder.SignBy(MakeRoot()).cert, TestNow(), Purpose::kClient);
    return failure ? failure->reason : Reason::kAllowed;
  };
  EXPECT_EQ(check(CertBuilder("CN=x")), Reason::kAllowed);
  EXPECT_EQ(check(CertBuilder("CN=x").LikeOpensslReq()), Reason::kAllowed);
  EXPECT_EQ(check(CertBuilder("CN=x").Expired()), Reason::kCertExpired);
  EXPECT_EQ(check(CertBuilder("CN=x").NotYetValid()), Reason::kCertNotYetValid);
  EXPECT_EQ(check(CertBuilder("CN=x").ServerAuth()), Reason::kCertWrongUsage);
  EXPECT_EQ(check(CertBuilder("CN=x").Usage(KU_KEY_AGREEMENT)), Reason::kCertKeyUsage);
  EXPECT_EQ(check(CertBuilder("CN=x").Key(KeyType::kRsa1024)), Reason::kCertWeakKey);
  EXPECT_EQ(check(CertBuilder("CN=x").EmptySan()), Reason::kCertMalformed);
}

}  // namespace
}  // namespace sallyport::authsvc
