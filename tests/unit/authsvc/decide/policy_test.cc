// Policies applied to keys: rights, limits, partitions, expiry. A doubt never gives more.
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::TestNow;

v1::Policy NewPolicy(absl::string_view id, absl::string_view api_id = "api1") {
  v1::Policy policy;
  policy.set_id(std::string(id));
  policy.set_org_id(kOrg);
  if (!api_id.empty()) policy.add_access_rights()->set_api_id(std::string(api_id));
  return policy;
}
void SetRate(v1::Limits* limits, double rate) {
  limits->mutable_rate()->set_rate(rate);
  limits->mutable_rate()->set_per_seconds(1);
}

class PolicyTest : public ::testing::Test {
 protected:
  PolicyTest() {
    world_.Put(TokenApi());
    key_ = TokenKey("secret");
    key_.clear_access_rights();
  }
  v1::Decision Decision(absl::Time now = TestNow()) {
    world_.Put(key_);
    return Ask(world_, WithToken(Asked({}), "secret"), now);
  }

  World world_;
  v1::Key key_;
};

TEST_F(PolicyTest, GrantsItsRights) {
  key_.add_policy_ids("p1");
  v1::Policy policy = NewPolicy("p1");
  policy.add_tags("gold");
  (*policy.mutable_metadata())["tier"] = "1";
  SetRate(policy.mutable_limits(), 5);
  policy.mutable_limits()->mutable_quota()->set_max(100);
  policy.mutable_limits()->mutable_quota()->set_renewal_seconds(60);
  world_.Put(policy);
  (*key_.mutable_metadata())["tier"] = "9";
  key_.add_tags("own");
  const v1::Decision allowed = Decision();
  EXPECT_ALLOWED(allowed);
  EXPECT_TRUE(HasTag(allowed, "policy:p1"));
  EXPECT_EQ(allowed.identity().metadata().at("tier"), "1");
  EXPECT_EQ(allowed.identity().tags_size(), 2);
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  const v1::LimitGrant& limit = allowed.grants().limits(0);
  EXPECT_EQ(limit.bucket(), "key:key1");
  EXPECT_EQ(limit.rate(), 5);
  EXPECT_EQ(limit.quota_max(), 100);
  EXPECT_EQ(limit.quota_renewal_seconds(), 60);
}

TEST_F(PolicyTest, ReplacesTheKeysOwnRights) {
  key_.add_policy_ids("p1");
  key_.add_access_rights()->set_api_id("api1");
  world_.Put(NewPolicy("p1", "api2"));
  EXPECT_REFUSED(Decision(), kApiNotGranted);
  key_.set_all_apis(true);
  EXPECT_REFUSED(Decision(), kApiNotGranted);
}

TEST_F(PolicyTest, MissingOneIsRefusedUntilItComes) {
  key_.add_policy_ids("p1");
  key_.add_policy_ids("p2");
  world_.Put(NewPolicy("p1"));
  const v1::Decision refused = Decision();
  EXPECT_REFUSED(refused, kKeyPolicyInvalid);
  EXPECT_TRUE(HasTag(refused, "policy:p2"));
  world_.Put(NewPolicy("p2", "api2"));
  EXPECT_ALLOWED(Decision());
}

TEST_F(PolicyTest, OfAnotherOrganisationIsRefused) {
  key_.add_policy_ids("p1");
  v1::Policy policy = NewPolicy("p1");
  policy.set_org_id("org2");
  world_.Put(policy);
  EXPECT_REFUSED(Decision(), kKeyPolicyInvalid);
}

TEST_F(PolicyTest, InactiveOneMakesTheKeyInactive) {
  key_.add_policy_ids("p1");
  v1::Policy policy = NewPolicy("p1");
  policy.set_inactive(true);
  world_.Put(policy);
  EXPECT_REFUSED(Decision(), kKeyInactive);
}

TEST_F(PolicyTest, ExpiryCountsFromTheMakingOfTheKey) {
  key_.add_policy_ids("p1");
  key_.set_created_unix(absl::ToUnixSeconds(TestNow()) - 100);
  v1::Policy policy = NewPolicy("p1");
  policy.set_key_expires_in_seconds(130);
  world_.Put(policy);
  const v1::Decision allowed = Decision();
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.ttl_ms(), 30000);
  EXPECT_REFUSED(Decision(TestNow() + absl::Seconds(30)), kKeyExpired);
  key_.set_created_unix(0);
  EXPECT_REFUSED(Decision(), kKeyExpired);
}

TEST_F(PolicyTest, PartitionsSetTheirPartOnly) {
  key_.add_policy_ids("rate");
  key_.add_access_rights()->set_api_id("api1");
  SetRate(key_.mutable_limits(), 1);
  key_.mutable_limits()->mutable_quota()->set_max(7);
  v1::Policy rate = NewPolicy("rate", "api2");
  rate.set_part_rate(true);
  SetRate(rate.mutable_limits(), 50);
  rate.mutable_limits()->mutable_quota()->set_max(1000000);
  world_.Put(rate);
  const v1::Decision allowed = Decision();
  EXPECT_ALLOWED(allowed);  // the rights are the key's own
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  EXPECT_EQ(allowed.grants().limits(0).rate(), 50);
  EXPECT_EQ(allowed.grants().limits(0).quota_max(), 7);
}

TEST_F(PolicyTest, PerApiAndPartitionsCannotBeCombined) {
  key_.add_policy_ids("p1");
  key_.add_policy_ids("p2");
  v1::Policy per_api = NewPolicy("p1");
  per_api.set_part_per_api(true);
  v1::Policy partitioned = NewPolicy("p2");
  partitioned.set_part_acl(true);
  world_.Put(per_api);
  world_.Put(partitioned);
  EXPECT_REFUSED(Decision(), kKeyPolicyInvalid);
}

TEST_F(PolicyTest, HighestOfSeveralCounts) {
  key_.add_policy_ids("p1");
  key_.add_policy_ids("p2");
  v1::Policy low = NewPolicy("p1");
  SetRate(low.mutable_limits(), 5);
  low.mutable_limits()->mutable_quota()->set_max(1000);
  v1::Policy high = NewPolicy("p2");
  SetRate(high.mutable_limits(), 50);
  world_.Put(low);
  world_.Put(high);
  const v1::Decision allowed = Decision();
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  EXPECT_EQ(allowed.grants().limits(0).rate(), 50);
  EXPECT_EQ(allowed.grants().limits(0).quota_max(),
            1000);  // one that says nothing does not lift it
  high.mutable_limits()->mutable_quota()->set_max(-1);
  world_.Put(high);
  EXPECT_EQ(Decision().grants().limits(0).quota_max(), 0);  // one that says unlimited does
}

TEST_F(PolicyTest, LimitsOfPoliciesForOtherApisDoNotCountHere) {
  key_.add_policy_ids("p1");
  key_.add_policy_ids("p2");
  v1::Policy here = NewPolicy("p1");
  SetRate(here.mutable_limits(), 5);
  v1::Policy elsewhere = NewPolicy("p2", "api2");
  SetRate(elsewhere.mutable_limits(), 500);
  world_.Put(here);
  world_.Put(elsewhere);
  const v1::Decision allowed = Decision();
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  EXPECT_EQ(allowed.grants().limits(0).rate(), 5);
  EXPECT_EQ(allowed.grants().limits(0).bucket(), "policy:p1:key:key1");
}

TEST_F(PolicyTest, LimitsAtTheRightHaveTheirOwnBucket) {
  v1::AccessRight* right = key_.add_access_rights();
  right->set_api_id("api1");
  SetRate(key_.mutable_limits(), 1);
  SetRate(right->mutable_limits(), 3);
  const v1::Decision allowed = Decision();
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  EXPECT_EQ(allowed.grants().limits(0).bucket(), "key:key1:api1");
  EXPECT_EQ(allowed.grants().limits(0).rate(), 3);
  right->mutable_limits()->Clear();  // says nothing: the key's
  const v1::Decision own = Decision();
  EXPECT_EQ(own.grants().limits(0).bucket(), "key:key1");
  EXPECT_EQ(own.grants().limits(0).rate(), 1);
}

TEST_F(PolicyTest, ARateWithoutPeriodIsStillARate) {
  key_.add_access_rights()->set_api_id("api1");
  key_.mutable_limits()->mutable_rate()->set_rate(4);
  const v1::Decision allowed = Decision();
  ASSERT_EQ(allowed.grants().limits_size(), 1);
  EXPECT_EQ(allowed.grants().limits(0).rate(), 4);
  EXPECT_EQ(allowed.grants().limits(0).per_seconds(), 1);
}

TEST_F(PolicyTest, ApiSwitchesLimitsOff) {
  key_.add_access_rights()->set_api_id("api1");
  SetRate(key_.mutable_limits(), 1);
  key_.mutable_limits()->mutable_quota()->set_max(10);
  v1::Api api = TokenApi();
  api.set_disable_rate_limit(true);
  world_.Put(api);
  EXPECT_EQ(Decision().grants().limits(0).rate(), 0);
  EXPECT_EQ(Decision().grants().limits(0).quota_max(), 10);
  api.set_disable_quota(true);
  world_.Put(api);
  EXPECT_EQ(Decision().grants().limits_size(), 0);
}

TEST_F(PolicyTest, RightsOfSeveralPoliciesAreJoinedAndNeverWidened) {
  key_.add_policy_ids("p1");
  key_.add_policy_ids("p2");
  v1::Policy narrow = NewPolicy("p1");
  v1::PathRule* rule = narrow.mutable_access_rights(0)->add_allowed_urls();
  rule->set_path("^/a");
  rule->add_methods("GET");
  rule->set_ignore_case(true);
  narrow.mutable_access_rights(0)->add_versions("v1");
  world_.Put(narrow);
  world_.Put(NewPolicy("p2"));  // unrestricted
  v1::Api api = TokenApi();
  api.mutable_versioning()->set_enabled(true);
  world_.Put(api);
  const v1::Grants grants = Decision().grants();
  EXPECT_FALSE(grants.all_versions());
  ASSERT_EQ(grants.versions_size(), 1);
  ASSERT_EQ(grants.urls_size(), 1);
  EXPECT_EQ(grants.urls(0).path_regex(), "(?i)^/a");
  EXPECT_EQ(grants.urls(0).methods(0), "GET");
  api.clear_versioning();
  world_.Put(api);
  EXPECT_TRUE(Decision().grants().all_versions());  // there are none to tell apart
}

TEST_F(PolicyTest, QuotaResetIsPassedOn) {
  key_.add_access_rights()->set_api_id("api1");
  key_.mutable_limits()->mutable_quota()->set_max(10);
  key_.set_quota_reset_unix(1234);
  EXPECT_EQ(Decision().grants().limits(0).reset_unix(), 1234);
}

}  // namespace
}  // namespace sallyport::authsvc
