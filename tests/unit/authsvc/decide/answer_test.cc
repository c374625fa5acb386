// Time to live, staleness, tags and trace.
#include "absl/strings/escaping.h"
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestCert;
using testing::TestNow;

TEST(Answer, LivesSixtySecondsAndARefusalFive) {
  World world;
  world.Put(TokenApi());
  world.Put(TokenKey("secret"));
  const v1::Decision allowed = Ask(world, WithToken(Asked({}), "secret"));
  EXPECT_EQ(allowed.ttl_ms(), 60000);
  EXPECT_EQ(allowed.hard_expiry_unix_ms(), 0);
  EXPECT_EQ(allowed.revision(), world.snapshot().revision());
  EXPECT_EQ(Ask(world, Asked({})).ttl_ms(), 5000);
}

TEST(Answer, ANotYetValidRefusalEndsWhenItBecomesValid) {
  World world;
  const absl::Time soon = TestNow() + absl::Seconds(2);
  const TestCert alice = CertBuilder("CN=alice").Valid(soon, soon + absl::Hours(1)).SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  const v1::Decision refused = Ask(world, Asked({&alice}));
  EXPECT_REFUSED(refused, kCertNotYetValid);
  EXPECT_EQ(refused.ttl_ms(), 2000);
  EXPECT_ALLOWED(Ask(world, Asked({&alice}), soon));
}

TEST(Answer, StalenessIsTheApis) {
  World world;
  v1::Api api = NewApi();
  api.set_keyless(true);
  world.Put(api);
  EXPECT_EQ(Ask(world, Asked({})).stale_if_error_seconds(), 300);
  api.set_stale_if_error_seconds(10);
  world.Put(api);
  EXPECT_EQ(Ask(world, Asked({})).stale_if_error_seconds(), 10);
  api.set_fail_closed(true);
  world.Put(api);
  EXPECT_EQ(Ask(world, Asked({})).stale_if_error_seconds(), 0);
}

TEST(Answer, RefusalOfAnUnknownLeafIsTaggedByWhatIsMissing) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  const v1::Decision refused = Ask(world, Asked({&alice}));
  const std::string hex = IdOf(alice).substr(4);
  EXPECT_TRUE(HasTag(refused, "leaf:" + hex));
  EXPECT_TRUE(HasTag(refused, absl::StrCat("cert:", IdOf(alice))));
  EXPECT_TRUE(HasTag(refused, "api:api1"));
  EXPECT_EQ(refused.identity().certificate().fingerprint(), hex);  // for the operator's log
}

TEST(Answer, MissingApiIsTagged) { EXPECT_TRUE(HasTag(Ask(World(), Asked({})), "api:api1")); }

TEST(Trace, TellsTheStepsWithoutSecrets) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.set_keyless(false);
  api.mutable_token()->set_enabled(true);
  world.Put(api);
  world.Put(TokenKey("secret"));
  const v1::AuthorizeRequest request = WithToken(Asked({&alice}), "secret");
  Trace trace;
  const AuthorizeQuestion question{request, false, std::nullopt};
  EXPECT_ALLOWED(Decide(world.snapshot(), question, TestNow(), nullptr, &trace));
  ASSERT_GE(trace.steps.size(), 5U);
  std::string all;
  for (const TraceStep& step : trace.steps) {
    EXPECT_TRUE(step.passed) << step.text;
    all += step.text + "\n";
  }
  EXPECT_THAT(all, HasSubstr("admitted by the allowlist"));
  EXPECT_THAT(all, HasSubstr("is one of key key1"));
  EXPECT_THAT(all, Not(HasSubstr("secret")));
  EXPECT_THAT(all, Not(HasSubstr(absl::BytesToHexString(crypto::Sha256("secret")))));
}

TEST(Trace, EndsWithTheRefusal) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").Expired().SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  const v1::AuthorizeRequest request = Asked({&alice});
  Trace trace;
  const AuthorizeQuestion question{request, false, std::nullopt};
  EXPECT_REFUSED(Decide(world.snapshot(), question, TestNow(), nullptr, &trace), kCertExpired);
  ASSERT_FALSE(trace.steps.empty());
  EXPECT_FALSE(trace.steps.back().passed);
  EXPECT_EQ(trace.steps.back().stage, "verify");
  EXPECT_THAT(trace.steps.back().text, HasSubstr("CERT_EXPIRED"));
}

}  // namespace
}  // namespace sallyport::authsvc
