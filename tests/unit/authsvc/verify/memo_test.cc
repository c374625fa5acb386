// The memo saves work and changes no answer; budgets end hostile searches by count, not by time.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "authsvc/verify/generation_cache.h"
#include "authsvc/verify/path_memo.h"
#include "authsvc/verify/path_search.h"
#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

TEST(PathMemoTest, SecondAnswerCostsNothing) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(inter);
  const PathQuestion question = Question({leaf, inter}, Trust({root}));
  const PathResult first = VerifyPath(question, &memo);
  EXPECT_FALSE(first.from_memo);
  EXPECT_EQ(first.cost.signatures, 2);
  const PathResult second = VerifyPath(question, &memo);
  EXPECT_TRUE(second.from_memo);
  EXPECT_EQ(second.cost.signatures, 0);
  EXPECT_EQ(second.path->certificates, first.path->certificates);
  EXPECT_EQ(second.path->not_after, first.path->not_after);
  // Another leaf of the same CA: only its own signature is new.
  const TestCert sibling = CertBuilder("CN=y").SignBy(inter);
  EXPECT_EQ(VerifyPath(Question({sibling, inter}, Trust({root})), &memo).cost.signatures, 1);
}

TEST(PathMemoTest, EveryPartOfTheQuestionCounts) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert inter = CertBuilder("CN=I").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=x").SignBy(inter);
  PathQuestion question = Question({leaf, inter}, Trust({root}));
  ASSERT_TRUE(VerifyPath(question, &memo).ok());
  EXPECT_FALSE(VerifyPath(Question({leaf, inter}, Trust({MakeRoot()})), &memo).ok());
  EXPECT_FALSE(VerifyPath(Question({leaf}, Trust({root})), &memo).ok());
  EXPECT_TRUE(VerifyPath(Question({leaf, inter, root}, Trust({root})), &memo).ok());
  question.purpose = Purpose::kServer;
  EXPECT_FALSE(VerifyPath(question, &memo).ok());
}

TEST(PathMemoTest, AGoodResultEndsWithThePath) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert leaf =
      CertBuilder("CN=x").Valid(TestNow(), TestNow() + absl::Hours(1)).SignBy(root);
  PathQuestion question = Question({leaf}, Trust({root}));
  ASSERT_TRUE(VerifyPath(question, &memo).ok());
  question.time = TestNow() + absl::Hours(1);
  EXPECT_TRUE(VerifyPath(question, &memo).from_memo);
  question.time += absl::Seconds(1);
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kCertExpired);
  question.time = TestNow() - absl::Seconds(1);
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kCertNotYetValid);
}

TEST(PathMemoTest, AFailureEndsSoonAndWhenACertificateBecomesValid) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert leaf = CertBuilder("CN=x")
                            .Valid(TestNow() + absl::Seconds(2), TestNow() + absl::Hours(1))
                            .SignBy(root);
  PathQuestion question = Question({leaf}, Trust({root}));
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kCertNotYetValid);
  question.time = TestNow() + absl::Seconds(1);
  EXPECT_TRUE(VerifyPath(question, &memo).from_memo);
  question.time = TestNow() + absl::Seconds(2);
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kAllowed);

  PathQuestion unknown = Question({leaf}, Trust({MakeRoot("CN=Other")}));
  unknown.time = TestNow() + absl::Seconds(2);
  EXPECT_FALSE(VerifyPath(unknown, &memo).ok());
  unknown.time += absl::Seconds(5);
  EXPECT_TRUE(VerifyPath(unknown, &memo).from_memo);
  unknown.time += absl::Seconds(1);
  EXPECT_FALSE(VerifyPath(unknown, &memo).from_memo);
}

TEST(PathMemoTest, AFailureEndsWhenAnAnchorBecomesValid) {
  PathMemo memo;
  const TestCert root = CertBuilder("CN=Root")
                            .Ca()
                            .Valid(TestNow() + absl::Seconds(2), TestNow() + absl::Hours(1))
                            .SelfSign();
  PathQuestion question = Question({CertBuilder("CN=x").SignBy(root)}, Trust({root}));
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kCertNotYetValid);
  question.time = TestNow() + absl::Seconds(2);
  EXPECT_EQ(ReasonOf(VerifyPath(question, &memo)), Reason::kAllowed);
}

TEST(PathMemoTest, BadSignaturesAreNotShared) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const TestCert forged = testing::WithBrokenSignature(CertBuilder("CN=x").SignBy(root));
  EXPECT_EQ(ReasonOf(VerifyPath(Question({forged}, Trust({root})), &memo)),
            Reason::kCertBadSignature);
  EXPECT_FALSE(memo.FindSignature(forged.cert->fingerprint, root.cert->spki_sha256));
}

TEST(PathMemoTest, ParsesOnce) {
  PathMemo memo;
  const TestCert root = MakeRoot();
  const auto first = memo.Parse(root.der);
  const auto second = memo.Parse(root.der);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first, *second);
  EXPECT_FALSE(memo.Parse(root.der + "x").ok());
  EXPECT_FALSE(memo.Parse("").ok());
}

TEST(PathMemoTest, FailuresDoNotPushOutGoodResults) {
  PathMemoLimits limits;
  limits.failed = 64;
  limits.verified = 64;
  PathMemo memo(limits);
  const TestCert root = MakeRoot();
  const PathQuestion good = Question({CertBuilder("CN=x").SignBy(root)}, Trust({root}));
  ASSERT_TRUE(VerifyPath(good, &memo).ok());
  const TestCert stranger = CertBuilder("CN=y").SignBy(MakeRoot("CN=Other"));
  for (int depth = 1; depth < 8; ++depth) {
    for (int extra = 0; extra < 15; ++extra) {
      PathQuestion bad = Question({stranger}, Trust({root}));
      bad.presented.resize(static_cast<size_t>(1 + extra), stranger.cert);
      bad.max_depth = depth;
      ASSERT_FALSE(VerifyPath(bad, &memo).ok());
    }
  }
  EXPECT_TRUE(VerifyPath(good, &memo).from_memo);
}

TEST(GenerationCacheTest, BoundedAndKeepsWhatIsUsed) {
  GenerationCache<int> cache(64);
  cache.Put("kept", 1);
  for (int i = 0; i < 10000; ++i) {
    cache.Put(std::to_string(i), i);
    ASSERT_TRUE(cache.Find("kept", [](int) {})) << i;
  }
  EXPECT_LE(cache.size(), 64U + 32U);
  EXPECT_FALSE(cache.Find("0", [](int) {}));
  int value = 0;
  EXPECT_TRUE(cache.Find("9999", [&](int there) { value = there; }));
  EXPECT_EQ(value, 9999);
}

TEST(PathMemoTest, ManyThreadsOneMemo) {
  PathMemoLimits limits;
  limits.verified = 32;
  limits.signatures = 32;
  limits.parsed = 32;
  PathMemo memo(limits);
  const TestCert root = MakeRoot();
  const TrustSetPtr trust = Trust({root});
  std::vector<TestCert> leaves;
  for (int i = 0; i < 40; ++i) {
    CertBuilder builder("CN=x" + std::to_string(i));
    if (i % 4 == 3) builder.Expired();
    leaves.push_back(builder.SignBy(root));
  }
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 400; ++i) {
        const auto at = static_cast<size_t>((i * 7 + t) % 40);
        const auto parsed = memo.Parse(leaves[at].der);
        PathQuestion question;
        question.presented = {*parsed};
        question.trust = trust;
        question.time = TestNow();
        const Reason wanted = at % 4 == 3 ? Reason::kCertExpired : Reason::kAllowed;
        if (ReasonOf(VerifyPath(question, &memo)) != wanted) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// n CAs that all signed each other: the number of paths is n!.
std::vector<TestCert> Mesh(int n, KeyType type) {
  std::vector<TestCert> roots;
  for (int i = 0; i < n; ++i) {
    roots.push_back(CertBuilder("CN=M" + std::to_string(i)).Ca().Key(type).SelfSign());
  }
  return roots;
}

TEST(BudgetTest, MeshOfCrossSignedCas) {
  const std::vector<TestCert> roots = Mesh(4, KeyType::kP256);
  PathQuestion question;
  question.presented.push_back(CertBuilder("CN=x").SignBy(roots[0]).cert);
  for (size_t i = 0; i < roots.size(); ++i) {
    for (size_t j = 0; j < roots.size(); ++j) {
      if (i == j || question.presented.size() >= kMaxPresented) continue;
      question.presented.push_back(
          CertBuilder("CN=M" + std::to_string(i)).Ca().Key(roots[i].key).SignBy(roots[j]).cert);
    }
  }
  question.trust = Trust({MakeRoot()});
  question.time = TestNow();
  const PathResult result = VerifyPath(question, nullptr);
  EXPECT_FALSE(result.ok());
  EXPECT_LE(result.cost.edges, kMaxEdges + 1);
  EXPECT_LE(result.cost.signatures, 13) << "each child once per key";
}

// Many CAs of one name whose keys are all different: each edge costs a signature.
PathResult SameNameFlood(KeyType type, int count) {
  TrustSpec spec;
  for (int i = 0; i < count; ++i) {
    spec.authorities.push_back(CertBuilder("CN=Same").Ca().Key(type).NoKeyIds().SelfSign().cert);
  }
  const TestCert signer = CertBuilder("CN=Same").Ca().Key(type).SelfSign();
  PathQuestion question =
      Question({CertBuilder("CN=x").NoKeyIds().SignBy(signer)}, TrustSet::Make(std::move(spec)));
  return VerifyPath(question, nullptr);
}

TEST(BudgetTest, SignaturesCountByWeight) {
  const PathResult p256 = SameNameFlood(KeyType::kP256, 140);
  EXPECT_EQ(ReasonOf(p256), Reason::kCertPathBudget) << "never \"untrusted\"";
  EXPECT_EQ(p256.cost.signatures, kMaxSignatureWeight);
  const PathResult p384 = SameNameFlood(KeyType::kP384, 20);
  EXPECT_EQ(ReasonOf(p384), Reason::kCertPathBudget);
  EXPECT_EQ(p384.cost.signatures, 12);
  EXPECT_EQ(ReasonOf(SameNameFlood(KeyType::kP256, 100)), Reason::kCertBadSignature);
}

TEST(BudgetTest, EdgesWithoutSignaturesEndToo) {
  TrustSpec spec;
  const testing::SharedKey weak = testing::MakeKey(KeyType::kSecp256k1);
  for (int i = 0; i < 600; ++i) {
    spec.authorities.push_back(
        CertBuilder("CN=Same").Ca().Key(weak).Serial(i).NoKeyIds().SelfSign().cert);
  }
  const TestCert signer = CertBuilder("CN=Same").Ca().SelfSign();
  const PathResult result = VerifyPath(
      Question({CertBuilder("CN=x").NoKeyIds().SignBy(signer)}, TrustSet::Make(std::move(spec))),
      nullptr);
  EXPECT_EQ(ReasonOf(result), Reason::kCertPathBudget);
  EXPECT_EQ(result.cost.edges, kMaxEdges + 1);
  EXPECT_EQ(result.cost.signatures, 0);
}

TEST(BudgetTest, NameComparisons) {
  const TestCert root = MakeRoot();
  CertBuilder inter_builder("CN=I");
  inter_builder.Ca();
  for (int i = 0; i < 1000; ++i) inter_builder.Exclude(GEN_DNS, "e" + std::to_string(i) + ".com");
  const TestCert inter = inter_builder.SignBy(root);
  CertBuilder leaf_builder("CN=x");
  for (int i = 0; i < 1000; ++i) leaf_builder.Dns("a" + std::to_string(i) + ".com");
  const TestCert leaf = leaf_builder.SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  EXPECT_EQ(ReasonOf(result), Reason::kCertPathBudget);
  EXPECT_LE(result.cost.name_comparisons, kMaxNameComparisons + 1);
}

TEST(BudgetTest, LongDirectoryNamesAreCutOncePerLength) {
  std::string subject = "CN=0";
  for (int i = 1; i < 300; ++i) subject += ",OU=" + std::to_string(i);
  const TestCert root = MakeRoot();
  CertBuilder inter_builder("CN=I");
  inter_builder.Ca();
  std::string base = "CN=0";
  for (int i = 1; i < 40; ++i) {
    base += ",OU=other" + std::to_string(i);
    inter_builder.Exclude(GEN_DIRNAME, base);
    inter_builder.Exclude(GEN_DIRNAME, base + ",OU=again");
  }
  const TestCert inter = inter_builder.SignBy(root);
  const TestCert leaf = CertBuilder(subject).SignBy(inter);
  const PathResult result = Verify({leaf, inter}, Trust({root}));
  EXPECT_TRUE(result.ok());
  EXPECT_LT(result.cost.name_comparisons, 40'000);
}

}  // namespace
}  // namespace sallyport::authsvc
