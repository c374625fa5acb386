// Signed tokens as mechanisms: who signed, what is believed, what a decision lacks.
#include <map>

#include "authsvc/decide/key_sets.h"
#include "authsvc/decide/logins.h"
#include "shared/jwt/base64url.h"
#include "tests/unit/authsvc/decide/asking.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::authsvc {
namespace {

using jwt::Algorithm;
using testing::CertBuilder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TestCert;

constexpr char kIssuer[] = "https://idp.test";

// Key sets by the id of their issuer.
class GivenKeySets : public KeySets {
 public:
  [[nodiscard]] FetchedKeysPtr Find(const v1::TokenIssuer& issuer) const override {
    const auto found = sets.find(issuer.id());
    return found == sets.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool MayAskAgain(const v1::TokenIssuer&) const override { return may_ask; }

  std::map<std::string, FetchedKeysPtr> sets;
  bool may_ask = true;
};

class JwtTest : public ::testing::Test {
 protected:
  JwtTest() : key_(jwt::signing::NewKey(Algorithm::kEs256)) {
    world_.Put(Issuer("idp"));
    Serve("idp", key_.get());
    world_.Put(Api());
  }

  static v1::Resource Issuer(absl::string_view id, absl::string_view issuer = kIssuer) {
    v1::Resource resource;
    auto* body = resource.mutable_token_issuer();
    body->set_id(std::string(id));
    body->set_org_id(kOrg);
    body->set_issuer(std::string(issuer));
    body->set_jwks_url("https://idp.test/keys");
    return resource;
  }
  static v1::Api Api() {
    v1::Api api = NewApi();
    api.add_jwts()->set_requirement(v1::REQUIREMENT_MANDATORY);
    return api;
  }
  void Serve(const char* id, EVP_PKEY* key) {
    auto set = std::make_shared<FetchedKeys>();
    set->keys.keys.push_back(jwt::signing::PublicKey(key, "k1"));
    sets_.sets[id] = std::move(set);
  }
  // `more` begins with a comma where it is not empty.
  std::string Token(const std::string& more = "", const char* kid = "k1",
                    absl::Duration life = absl::Hours(1)) {
    const int64_t now = absl::ToUnixSeconds(testing::TestNow());
    return jwt::signing::MakeToken(
        Algorithm::kEs256, key_.get(),
        absl::StrCat("{\"iss\":\"", kIssuer,
                     "\",\"sub\":\"alice\",\"exp\":", now + absl::ToInt64Seconds(life), more, "}"),
        kid);
  }
  static v1::AuthorizeRequest With(v1::AuthorizeRequest request, const std::string& token,
                                   const char* place = "header",
                                   const char* name = "authorization") {
    v1::Credential* credential = request.add_credentials();
    credential->set_mechanism("jwt");
    credential->set_place(place);
    credential->set_name(name);
    credential->set_jwt(token);
    credential->set_sha256(crypto::Sha256(token));
    return request;
  }
  v1::Decision Asking(const v1::AuthorizeRequest& request) {
    needs_ = {};
    AuthorizeQuestion question{request};
    question.key_sets = &sets_;
    question.needs = &needs_;
    return Decide(world_.snapshot(), question, testing::TestNow());
  }
  v1::Decision AskWith(const std::string& token) { return Asking(With(Asked({}), token)); }

  testing::SharedKey key_;
  World world_;
  GivenKeySets sets_;
  DecisionNeeds needs_;
};

TEST_F(JwtTest, LetsInWhomItsIssuerNames) {
  const v1::Decision allowed = AskWith(Token(",\"scope\":\"a b\",\"azp\":\"shop\""));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().name(), "alice");
  EXPECT_EQ(allowed.identity().metadata().at("consumer"), "shop");
  EXPECT_THAT(allowed.grants().scopes(), ElementsAre("a", "b"));
  EXPECT_TRUE(HasTag(allowed, "issuer:idp"));
  EXPECT_THAT(needs_.issuer_ids, IsEmpty());
}

TEST_F(JwtTest, AnIssuersLeewayCountsBesideTheApis) {
  v1::Resource issuer = Issuer("idp");
  issuer.mutable_token_issuer()->set_leeway_seconds(60);
  world_.Put(issuer);
  const v1::Decision late = AskWith(Token("", "k1", absl::Seconds(-59)));
  EXPECT_ALLOWED(late);
  EXPECT_EQ(late.ttl_ms(), 1000);
  EXPECT_REFUSED(AskWith(Token("", "k1", absl::Seconds(-60))), kTokenExpired);
  v1::Api api = Api();
  api.mutable_jwts(0)->set_leeway_seconds(10);
  world_.Put(api);
  EXPECT_ALLOWED(AskWith(Token("", "k1", absl::Seconds(-69))));
  EXPECT_REFUSED(AskWith(Token("", "k1", absl::Seconds(-70))), kTokenExpired);
}

TEST_F(JwtTest, NoDecisionLivesLongerThanItsToken) {
  const v1::Decision allowed = AskWith(Token("", "k1", absl::Seconds(7)));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.ttl_ms(), 7000);
  EXPECT_REFUSED(AskWith(Token("", "k1", absl::ZeroDuration())), kTokenExpired);
}

TEST_F(JwtTest, CountsOnlyInItsPlace) {
  EXPECT_REFUSED(Asking(Asked({})), kTokenRequired);
  EXPECT_REFUSED(Asking(With(Asked({}), Token(), "header", "x-token")), kTokenRequired);
  EXPECT_REFUSED(Asking(With(Asked({}), Token(), "query", "authorization")), kTokenRequired);
  EXPECT_REFUSED(Asking(WithToken(Asked({}), Token())), kTokenRequired);  // an API key's place
}

TEST_F(JwtTest, ASetThatIsNotThereIsNamedAndNobodyPasses) {
  sets_.sets.clear();
  EXPECT_REFUSED(AskWith(Token()), kTokenKeysUnavailable);
  EXPECT_THAT(needs_.issuer_ids, ElementsAre("idp"));
  const v1::AuthorizeRequest request = With(Asked({}), Token());
  EXPECT_REFUSED(Decide(world_.snapshot(), AuthorizeQuestion{request}, testing::TestNow()),
                 kTokenKeysUnavailable);
}

TEST_F(JwtTest, ASetIsAskedForAgainForAKeyThatItLacksAndForNothingElse) {
  EXPECT_REFUSED(AskWith(Token("", "k2")), kTokenInvalid);
  EXPECT_THAT(needs_.issuer_ids, ElementsAre("idp"));
  sets_.may_ask = false;
  EXPECT_REFUSED(AskWith(Token("", "k2")), kTokenInvalid);
  EXPECT_THAT(needs_.issuer_ids, IsEmpty());
  sets_.may_ask = true;
  Serve("idp", jwt::signing::NewKey(Algorithm::kEs256).get());  // the same id, another key
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
  EXPECT_THAT(needs_.issuer_ids, IsEmpty());
}

TEST_F(JwtTest, AnUnknownIssuerNeverCausesAFetch) {
  sets_.sets.clear();
  world_.Put(Issuer("idp", "https://other.test"));
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
  EXPECT_THAT(needs_.issuer_ids, IsEmpty());
}

TEST_F(JwtTest, AnotherOrganisationsIssuerSignsForNobody) {
  v1::Resource other = Issuer("idp");
  other.mutable_token_issuer()->set_org_id("others");
  world_.Put(other);
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
  v1::Api api = Api();
  api.mutable_jwts(0)->add_issuer_ids("idp");
  world_.Put(api);
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
}

TEST_F(JwtTest, AnIssuerWithoutNameCountsOnlyWhereItIsNamed) {
  world_.Put(Issuer("idp", ""));
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
  v1::Api api = Api();
  api.mutable_jwts(0)->add_issuer_ids("idp");
  world_.Put(api);
  EXPECT_ALLOWED(AskWith(Token()));
}

TEST_F(JwtTest, OnlyTheAlgorithmsThatItsIssuerUses) {
  v1::Resource issuer = Issuer("idp");
  issuer.mutable_token_issuer()->add_algorithms("RS256");
  world_.Put(issuer);
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
}

TEST_F(JwtTest, ACertificateOfTheIssuerIsAKeyWhileItLasts) {
  sets_.sets.clear();
  const TestCert certificate = CertBuilder("CN=signer").Key(key_).SelfSign();
  v1::Resource issuer = Issuer("idp");
  issuer.mutable_token_issuer()->clear_jwks_url();
  issuer.mutable_token_issuer()->add_certificate_ids(world_.AddCertificate(certificate));
  world_.Put(issuer);
  EXPECT_ALLOWED(AskWith(Token()));
  world_.Erase(Kind::kCertificate, IdOf(certificate));
  EXPECT_REFUSED(AskWith(Token()), kTokenInvalid);
}

TEST_F(JwtTest, ABoundTokenIsForItsCertificateAlone) {
  const TestCert holder = CertBuilder("CN=holder").SelfSign();
  const TestCert thief = CertBuilder("CN=thief").SelfSign();
  const std::string bound = Token(absl::StrCat(
      ",\"cnf\":{\"x5t#S256\":\"", jwt::EncodeBase64Url(crypto::Sha256(holder.der)), "\"}"));
  const v1::Decision allowed = Asking(With(Asked({&holder}), bound));
  EXPECT_ALLOWED(allowed);
  EXPECT_TRUE(allowed.identity().certificate_verified());
  EXPECT_REFUSED(Asking(With(Asked({&thief}), bound)), kCertBindingMismatch);
  EXPECT_REFUSED(Asking(With(Asked({}), bound)), kCertBindingMismatch);
  // What a proxy tells of counts where the API says so.
  v1::AuthorizeRequest told = With(Asked({&holder}), bound);
  told.set_proof(v1::PROOF_HEADER);
  told.set_proxy("192.0.2.1");
  v1::GatewaySettings settings;
  settings.add_trusted_proxies("192.0.2.0/24");
  world_.Put(settings);
  EXPECT_REFUSED(Asking(told), kCertBindingMismatch);
  v1::Api api = Api();
  api.mutable_jwts(0)->set_header_certificate_binds(true);
  world_.Put(api);
  EXPECT_ALLOWED(Asking(told));
}

TEST_F(JwtTest, ABoundTokenIsNoExcuseForARevokedCertificate) {
  const TestCert holder = CertBuilder("CN=holder").SelfSign();
  v1::GatewaySettings settings;
  settings.add_revoked()->set_spki_sha256(crypto::Sha256(holder.PublicDer()));
  world_.Put(settings);
  const std::string bound = Token(absl::StrCat(
      ",\"cnf\":{\"x5t#S256\":\"", jwt::EncodeBase64Url(crypto::Sha256(holder.der)), "\"}"));
  EXPECT_REFUSED(Asking(With(Asked({&holder}), bound)), kCertRevoked);
}

TEST_F(JwtTest, AnOptionalTokenThatIsPresentMustBeValidOutsideApk) {
  const TestCert client = CertBuilder("CN=client").SelfSign();
  const std::string id = world_.AddCertificate(client);
  v1::Api api = Api();
  api.mutable_jwts(0)->set_requirement(v1::REQUIREMENT_OPTIONAL);
  api.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  api.mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  for (const bool apk : {false, true}) {
    api.set_style(apk ? "apk" : "native");
    world_.Put(api);
    EXPECT_ALLOWED(Asking(Asked({&client})));
    const v1::Decision bad = Asking(With(Asked({&client}), "a.b.c"));
    EXPECT_EQ(ReasonOf(bad), apk ? Reason::kAllowed : Reason::kTokenInvalid);
    // Who binds a token to a certificate means both.
    const std::string bound = Token(",\"cnf\":{\"jkt\":\"AAAA\"}");
    EXPECT_REFUSED(Asking(With(Asked({&client}), bound)), kCertBindingMismatch);
  }
}

TEST_F(JwtTest, BringsTheRightsOfPolicies) {
  v1::Policy gold;
  gold.set_id("gold");
  gold.set_org_id(kOrg);
  gold.add_access_rights()->set_api_id("api1");
  gold.mutable_limits()->mutable_rate()->set_rate(5);
  gold.mutable_limits()->mutable_rate()->set_per_seconds(1);
  world_.Put(gold);
  v1::Api api = Api();
  api.mutable_jwts(0)->set_policy_claim("plan");
  (*api.mutable_jwts(0)->mutable_scope_policies())["golden"] = "gold";
  world_.Put(api);
  const v1::Decision named = AskWith(Token(",\"plan\":\"gold\""));
  EXPECT_ALLOWED(named);
  ASSERT_EQ(named.grants().limits_size(), 1);
  EXPECT_EQ(named.grants().limits(0).rate(), 5);
  EXPECT_EQ(named.identity().key_id(), "jwt:idp:alice");
  EXPECT_ALLOWED(AskWith(Token(",\"scope\":\"golden\"")));
  EXPECT_REFUSED(AskWith(Token(",\"plan\":\"silver\"")), kKeyPolicyInvalid);
  EXPECT_NE(ReasonOf(AskWith(Token())), Reason::kAllowed);  // no policy, no rights
}

TEST_F(JwtTest, NoIssuersCallerSharesTheCountersOfAnother) {
  v1::Policy gold;
  gold.set_id("gold");
  gold.set_org_id(kOrg);
  gold.add_access_rights()->set_api_id("api1");
  world_.Put(gold);
  v1::Api api = Api();
  api.mutable_jwts(0)->add_default_policy_ids("gold");
  world_.Put(api);
  world_.Erase(Kind::kTokenIssuer, "idp");
  world_.Put(Issuer("idp:x"));
  Serve("idp:x", key_.get());
  const v1::Decision allowed = AskWith(Token());
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().key_id(), "jwt:idp%3Ax:alice");  // not "idp" and "x:alice"
}

TEST_F(JwtTest, OpenOperationsAskForNoToken) {
  v1::Api api = Api();
  v1::AuthorizeRequest request = Asked({});
  request.set_profile("open");
  world_.Put(api);
  EXPECT_REFUSED(Asking(request), kTokenRequired);  // it has none
  api.add_versions()->add_operations()->set_open(true);
  world_.Put(api);
  EXPECT_ALLOWED(Asking(request));
  api.mutable_jwts(0)->set_require_binding(true);  // a certificate goes with tokens alone
  world_.Put(api);
  EXPECT_ALLOWED(Asking(request));
  api.mutable_client_tls()->set_dynamic_mtls(true);
  world_.Put(api);
  EXPECT_REFUSED(Asking(request), kCertRequired);
}

TEST_F(JwtTest, ADecisionCallersOperationIsFoundHere) {
  v1::Api api = Api();
  auto* listed = api.add_versions()->add_operations();
  listed->set_path("/orders/{id}");
  listed->add_methods("GET");
  listed->add_scopes("orders");
  world_.Put(api);
  const auto ask = [&](const char* method, const char* path, const std::string& token) {
    v1::AuthorizeRequest request = With(Asked({}), token);
    request.set_method(method);
    request.set_path(path);
    AuthorizeQuestion question{request};
    question.asserted = true;
    question.key_sets = &sets_;
    return Decide(world_.snapshot(), question, testing::TestNow());
  };
  EXPECT_ALLOWED(ask("GET", "/orders/7", Token(",\"scope\":\"orders\"")));
  EXPECT_REFUSED(ask("GET", "/orders/7", Token()), kScopeMissing);
  EXPECT_REFUSED(ask("PUT", "/orders/7", Token(",\"scope\":\"orders\"")), kMethodNotAllowed);
  EXPECT_REFUSED(ask("GET", "/orders", Token(",\"scope\":\"orders\"")), kOperationUnknown);
}

}  // namespace
}  // namespace sallyport::authsvc
