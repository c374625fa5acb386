// The header that targets ask for, in answers: for the API's own targets alone, and closed until
// the Secrets that it stands in are there.
#include "gmock/gmock.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

constexpr char kUserPlace[] = "name:secret/default/login/user";
constexpr char kPassPlace[] = "name:secret/default/login/pass";

class UpstreamCredentialTest : public UpstreamTest {
 protected:
  UpstreamCredentialTest() {
    v1::Upstream* const upstream = api_.mutable_upstream();
    upstream->clear_targets();
    upstream->add_targets()->set_url("https://own.test/base");
    upstream->mutable_credential()->set_header("Authorization");
    upstream->mutable_credential()->set_username_ref(kUserPlace);
    upstream->mutable_credential()->set_password_ref(kPassPlace);
    scope_.open_credential = [](const v1::Api& api) {
      return absl::StatusOr<base::Secret>(base::Secret(absl::StrCat("value of ", api.id())));
    };
    PutApi();
  }
  void PutSecret(std::initializer_list<const char*> keys, absl::string_view org = kOrg) {
    v1::Resource resource;
    v1::KubeSecret* const secret = resource.mutable_secret();
    secret->set_id("default/login");
    secret->set_org_id(std::string(org));
    for (const char* const key : keys) (*secret->mutable_sealed_data())[key].set_ciphertext("x");
    world_.Put(resource);
  }
  v1::ResolveUpstreamResponse Ask(const char* host = "own.test") {
    return ResolveUpstream(world_.snapshot(), UpstreamOf(host), testing::TestNow(), OpenForTest,
                           scope_);
  }
  ResolveScope scope_;
};

TEST_F(UpstreamCredentialTest, WaitsForEachPlace) {
  EXPECT_UNAVAILABLE(Ask());
  EXPECT_FALSE(Ask().has_credential());
  EXPECT_THAT(Ask().detail(), HasSubstr("Secret default/login (user) is not there yet"));
  EXPECT_THAT(Ask().tags(), Contains(absl::StrCat("cert:", kUserPlace)));
  PutSecret({"user"});
  EXPECT_THAT(Ask().detail(), HasSubstr("(pass) is not there yet"));
  PutSecret({"user", "pass"}, "another");
  EXPECT_UNAVAILABLE(Ask());
  PutSecret({"user", "pass"});
  EXPECT_EQ(Ask().credential().value(), "value of api1");
  EXPECT_THAT(Ask().tags(), Contains(absl::StrCat("cert:", kPassPlace)));
}

TEST_F(UpstreamCredentialTest, WhoGetsNoValuesIsToldThatTheyAreMissing) {
  scope_.with_private_key = false;
  EXPECT_UNAVAILABLE(Ask());
  PutSecret({"user", "pass"});
  EXPECT_EQ(Ask().reason(), 0u) << Ask().detail();
  EXPECT_EQ(Ask().credential().value(), "");
}

TEST_F(UpstreamCredentialTest, ElsewhereNothingIsSentAndNothingIsMissing) {
  EXPECT_EQ(Ask("other.test").reason(), 0u) << Ask("other.test").detail();
  EXPECT_FALSE(Ask("other.test").has_credential());
}

TEST_F(UpstreamCredentialTest, WhatCannotBeOpenedIsARefusal) {
  PutSecret({"user", "pass"});
  scope_.open_credential = [](const v1::Api&) {
    return absl::StatusOr<base::Secret>(absl::InvalidArgumentError("a user name has no colon"));
  };
  EXPECT_UNAVAILABLE(Ask());
  EXPECT_FALSE(Ask().has_credential());
  scope_.open_credential = nullptr;
  EXPECT_UNAVAILABLE(Ask());
}

}  // namespace
}  // namespace sallyport::authsvc
