// Whom a change would cut off.
#include "authsvc/rpc/recent_callers.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "shared/base/reason.h"
#include "tests/fakes/manual_clock.h"
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

class RecentCallersTest : public ::testing::Test {
 protected:
  RecentCallersTest()
      : alice_(CertBuilder("CN=alice").SelfSign()), bob_(CertBuilder("CN=bob").SelfSign()) {
    api_ = NewApi();
    api_.set_keyless(true);
    api_.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
    api_.mutable_client_tls()->add_allowlist()->set_certificate_id(world_.AddCertificate(alice_));
    api_.mutable_client_tls()->add_allowlist()->set_certificate_id(world_.AddCertificate(bob_));
    world_.Put(api_);
  }
  void Call(RecentCallers* recent, const v1::AuthorizeRequest& question) {
    recent->Note(question, Decide(world_.snapshot(), {question}, clock_.Now()));
  }

  const TestCert alice_, bob_;
  base::ManualClock clock_{testing::TestNow()};
  World world_;
  v1::Api api_;
};

TEST_F(RecentCallersTest, NamesWhoWouldBeRefused) {
  RecentCallers recent(&clock_, {});
  Call(&recent, Asked({&alice_}));
  Call(&recent, Asked({&bob_}));
  Call(&recent, Asked({&bob_}));
  Call(&recent, Asked({}));  // was refused
  EXPECT_EQ(recent.size(), 2u);
  const SnapshotPtr before = world_.snapshot_ptr();
  EXPECT_TRUE(recent.Refused(*before, *before, 10).empty());
  api_.mutable_client_tls()->mutable_allowlist()->RemoveLast();
  world_.Put(api_);
  const auto refused = recent.Refused(*before, world_.snapshot(), 10);
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_EQ(refused[0].identity(), "CN=bob");
  EXPECT_EQ(refused[0].api_id(), "api1");
  EXPECT_EQ(refused[0].reason(), static_cast<uint32_t>(base::Reason::kCertNotAllowed));
  EXPECT_TRUE(recent.Refused(world_.snapshot(), world_.snapshot(), 10).empty())
      << "who is refused now is not cut off by the change";
  EXPECT_TRUE(recent.Refused(*before, world_.snapshot(), 0).empty());
}

TEST_F(RecentCallersTest, IsBoundedByCountBytesAndAge) {
  RecentOptions options;
  options.most = 1;
  RecentCallers one(&clock_, options);
  Call(&one, Asked({&alice_}));
  Call(&one, Asked({&bob_}));
  EXPECT_EQ(one.size(), 1u);
  options.most = 10;
  options.bytes = 10;
  RecentCallers none(&clock_, options);
  Call(&none, Asked({&alice_}));
  EXPECT_EQ(none.size(), 0u);
  options.bytes = 1 << 20;
  RecentCallers old(&clock_, options);
  Call(&old, Asked({&alice_}));
  clock_.Advance(absl::Hours(25));
  Call(&old, Asked({&bob_}));
  EXPECT_EQ(old.size(), 1u);
}

// What was shown is not kept, so that it cannot be asked about again.
TEST_F(RecentCallersTest, TokensThatAreCheckedThemselvesAreLeftOut) {
  RecentCallers recent(&clock_, {});
  v1::AuthorizeRequest question = Asked({&alice_});
  v1::Credential* const credential = question.add_credentials();
  credential->set_mechanism("jwt");
  credential->set_jwt("a.b.c");
  recent.Note(question, v1::Decision());
  EXPECT_EQ(recent.size(), 0u);
}

}  // namespace
}  // namespace sallyport::authsvc
