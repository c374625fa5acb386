// User names and passwords as a mechanism: whose they are, what a decision lacks, what it tells.
#include <map>

#include "authsvc/decide/logins.h"
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

// By key id and password.
class GivenLogins : public Logins {
 public:
  [[nodiscard]] LoginVerdict Find(const v1::Key* key, const LoginName& name,
                                  absl::string_view password) const override {
    const std::string id = key != nullptr ? key->id() : "nobody " + name.username;
    const auto found = verdicts.find({id, std::string(password)});
    return found == verdicts.end() ? LoginVerdict::kUnknown : found->second;
  }
  std::map<std::pair<std::string, std::string>, LoginVerdict> verdicts;
};

class LoginTest : public ::testing::Test {
 protected:
  LoginTest() {
    world_.Put(Api());
    PutUser("k1", "ali");
    logins_.verdicts[{"k1", "sesame"}] = LoginVerdict::kRight;
    logins_.verdicts[{"k1", "wrong"}] = LoginVerdict::kWrong;
  }
  static v1::Api Api() {
    v1::Api api = NewApi();
    api.mutable_basic()->set_requirement(v1::REQUIREMENT_MANDATORY);
    return api;
  }
  v1::Key PutUser(const std::string& id, const std::string& username,
                  const std::string& org = std::string(kOrg)) {
    v1::Key key;
    key.set_id(id);
    key.set_org_id(org);
    key.add_access_rights()->set_api_id("api1");
    key.mutable_basic_login()->set_username(username);
    key.mutable_basic_login()->mutable_sealed_hash()->set_ciphertext("x");
    world_.Put(key);
    return key;
  }
  static v1::AuthorizeRequest With(v1::AuthorizeRequest request, const std::string& login) {
    v1::Credential* const credential = request.add_credentials();
    credential->set_mechanism("basic");
    credential->set_place("header");
    credential->set_login(login);
    return request;
  }
  v1::Decision Asking(const v1::AuthorizeRequest& request) {
    needs_ = {};
    AuthorizeQuestion question{request};
    question.logins = &logins_;
    question.needs = &needs_;
    return Decide(world_.snapshot(), question, testing::TestNow());
  }
  v1::Decision AskAs(const std::string& login) { return Asking(With(Asked({}), login)); }

  World world_;
  GivenLogins logins_;
  DecisionNeeds needs_;
};

TEST_F(LoginTest, LetsInWhoHasThePassword) {
  const v1::Decision allowed = AskAs("ali:sesame");
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().key_id(), "k1");
  EXPECT_TRUE(HasTag(allowed, "key:k1"));
  EXPECT_TRUE(needs_.empty());
}

TEST_F(LoginTest, NobodyElse) {
  EXPECT_REFUSED(AskAs("ali:wrong"), kLoginInvalid);
  EXPECT_REFUSED(AskAs("Ali:sesame"), kOverloaded);  // another name, not checked yet
  EXPECT_REFUSED(AskAs(":"), kOverloaded);
  EXPECT_REFUSED(AskAs("ali"), kLoginInvalid);
  EXPECT_REFUSED(AskAs(std::string("ali\0:sesame", 11)), kLoginInvalid);
  EXPECT_REFUSED(Asking(Asked({})), kTokenRequired);
}

TEST_F(LoginTest, APasswordThatWasNotCheckedIsAskedForAndLetsNobodyIn) {
  const v1::Decision refused = AskAs("ali:other");
  EXPECT_REFUSED(refused, kOverloaded);
  EXPECT_LE(refused.ttl_ms(), 250);
  ASSERT_EQ(needs_.logins.size(), 1u);
  EXPECT_EQ(needs_.logins[0].key_id, "k1");
  EXPECT_EQ(needs_.logins[0].password.Reveal(), "other");
  const v1::AuthorizeRequest request = With(Asked({}), "ali:sesame");
  EXPECT_REFUSED(Decide(world_.snapshot(), AuthorizeQuestion{request}, testing::TestNow()),
                 kOverloaded);
}

// What is answered, and when, does not tell whether somebody has the name.
TEST_F(LoginTest, NobodysUserNameIsAnsweredAsSomebodys) {
  EXPECT_REFUSED(AskAs("eve:sesame"), kOverloaded);
  ASSERT_EQ(needs_.logins.size(), 1u);
  EXPECT_EQ(needs_.logins[0].key_id, "");
  EXPECT_EQ(needs_.logins[0].name.username, "eve");
  logins_.verdicts[{"nobody eve", "sesame"}] = LoginVerdict::kWrong;
  EXPECT_REFUSED(AskAs("eve:sesame"), kLoginInvalid);
  logins_.verdicts[{"nobody eve", "sesame"}] = LoginVerdict::kRight;
  EXPECT_REFUSED(AskAs("eve:sesame"), kLoginInvalid);
}

TEST_F(LoginTest, APasswordMayHoldColons) {
  logins_.verdicts[{"k1", "se:sa:me"}] = LoginVerdict::kRight;
  EXPECT_ALLOWED(AskAs("ali:se:sa:me"));
}

TEST_F(LoginTest, AUserOfAnotherOrganisationIsNobody) {
  PutUser("k2", "bob", "elsewhere");
  logins_.verdicts[{"k2", "sesame"}] = LoginVerdict::kRight;
  EXPECT_REFUSED(AskAs("bob:sesame"), kOverloaded);
  EXPECT_EQ(needs_.logins.at(0).key_id, "");
}

TEST_F(LoginTest, TheKeysOwnStateCounts) {
  v1::Key key = PutUser("k1", "ali");
  key.set_inactive(true);
  world_.Put(key);
  EXPECT_REFUSED(AskAs("ali:sesame"), kKeyInactive);
  key.set_inactive(false);
  key.clear_access_rights();
  key.add_access_rights()->set_api_id("another");
  world_.Put(key);
  EXPECT_REFUSED(AskAs("ali:sesame"), kApiNotGranted);
}

TEST_F(LoginTest, AUserNameIsNoToken) {
  v1::Api api = Api();
  api.mutable_token()->set_enabled(true);
  api.mutable_token()->set_header_name("x-token");
  api.mutable_basic()->set_requirement(v1::REQUIREMENT_OFF);
  world_.Put(api);
  EXPECT_REFUSED(Asking(WithToken(Asked({}), "ali")), kTokenUnknown);
  EXPECT_REFUSED(AskAs("ali:sesame"), kTokenRequired);  // switched off
}

TEST_F(LoginTest, WithACertificateBothMustBeOfOneKey) {
  const TestCert leaf = CertBuilder("CN=bob").SelfSign();
  v1::Key bob = PutUser("k2", "bob");
  bob.add_certificate_ids(world_.AddCertificate(leaf));
  world_.Put(bob);
  logins_.verdicts[{"k2", "sesame"}] = LoginVerdict::kRight;
  v1::Api api = Api();
  api.mutable_client_tls()->set_dynamic_mtls(true);
  world_.Put(api);
  EXPECT_ALLOWED(Asking(With(Asked({&leaf}), "bob:sesame")));
  EXPECT_REFUSED(Asking(With(Asked({&leaf}), "ali:sesame")), kCertBindingMismatch);
  EXPECT_REFUSED(Asking(With(Asked({}), "bob:sesame")), kCertRequired);
  EXPECT_REFUSED(Asking(Asked({&leaf})), kTokenRequired);
}

TEST_F(LoginTest, AnOptionalOneThatIsShownMustBeRight) {
  const TestCert leaf = CertBuilder("CN=client").SelfSign();
  v1::Api api = Api();
  api.mutable_basic()->set_requirement(v1::REQUIREMENT_OPTIONAL);
  api.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
  api.mutable_client_tls()->add_allowlist()->set_certificate_id(world_.AddCertificate(leaf));
  world_.Put(api);
  EXPECT_ALLOWED(Asking(Asked({&leaf})));
  EXPECT_ALLOWED(AskAs("ali:sesame"));
  EXPECT_REFUSED(Asking(With(Asked({&leaf}), "ali:wrong")), kLoginInvalid);
  EXPECT_REFUSED(Asking(Asked({})), kTokenRequired);
}

}  // namespace
}  // namespace sallyport::authsvc
