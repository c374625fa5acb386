#include "authsvc/verify/trust_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/authsvc/verify/verify_questions.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(TrustSetTest, VersionIsOfTheContent) {
  const TestCert a = MakeRoot("CN=A");
  const TestCert b = MakeRoot("CN=B");
  EXPECT_EQ(Trust({a, b})->version(), Trust({b, a, a})->version());
  EXPECT_NE(Trust({a})->version(), Trust({a, b})->version());
  EXPECT_NE(Trust({a})->version(), TrustExactly(a)->version());
  TrustSpec known;
  known.known = {a.cert};
  TrustSpec periods;
  periods.authorities = {a.cert};
  periods.allow_leading_period = true;
  EXPECT_NE(TrustSet::Make(known)->version(), Trust({a})->version());
  EXPECT_NE(TrustSet::Make(periods)->version(), Trust({a})->version());
  EXPECT_EQ(Trust({a})->version().size(), 32U);
}

TEST(TrustSetTest, AuthorityWinsOverExact) {
  const TestCert a = MakeRoot("CN=A");
  TrustSpec spec;
  spec.authorities = {a.cert};
  spec.exact = {a.cert};
  AnchorKind kind = AnchorKind::kExact;
  EXPECT_TRUE(TrustSet::Make(spec)->IsAnchor(a.cert->fingerprint, &kind));
  EXPECT_EQ(kind, AnchorKind::kAuthority);
  EXPECT_FALSE(Trust({})->IsAnchor(a.cert->fingerprint, &kind));
  EXPECT_TRUE(Trust({})->empty());
}

TEST(TrustSetTest, Warnings) {
  EXPECT_THAT(Trust({MakeRoot()})->Warnings(TestNow()), IsEmpty());
  EXPECT_THAT(Trust({CertBuilder("CN=R").Ca().Expired().SelfSign()})->Warnings(TestNow()),
              ElementsAre(HasSubstr("expired")));
  EXPECT_THAT(
      Trust({CertBuilder("CN=R").Ca().Key(KeyType::kRsa1024).SelfSign()})->Warnings(TestNow()),
      ElementsAre(HasSubstr("1024 bits")));
  EXPECT_THAT(Trust({CertBuilder("CN=R").Ca().Permit(GEN_DNS, ".good.com").SelfSign()})
                  ->Warnings(TestNow()),
              ElementsAre(HasSubstr("leading period")));
  EXPECT_THAT(Trust({CertBuilder("CN=R").Version(1).SelfSign()})->Warnings(TestNow()),
              ElementsAre(HasSubstr("version 1")));
}

TEST(TrustSetTest, WarnsOfManyAnchorsWithOneSubject) {
  TrustSpec spec;
  for (int i = 0; i < 17; ++i) spec.authorities.push_back(MakeRoot().cert);
  EXPECT_THAT(TrustSet::Make(spec)->Warnings(TestNow()), ElementsAre(HasSubstr("17 trust")));
  spec.authorities.pop_back();
  EXPECT_THAT(TrustSet::Make(spec)->Warnings(TestNow()), IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc
