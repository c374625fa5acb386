// Tokens that a shared secret signed (HS256 and so on), and issuers whose tokens are one key's.
#include <map>

#include "authsvc/decide/key_sets.h"
#include "tests/unit/authsvc/decide/asking.h"
#include "tests/unit/shared/jwt/signer.h"

namespace sallyport::authsvc {
namespace {

using jwt::Algorithm;

constexpr char kSecretOfAli[] = "ali's secret, of 32 bytes and more";
constexpr char kSecretOfBob[] = "bob's secret, of 32 bytes and more";

class SharedSecretTest : public ::testing::Test {
 protected:
  SharedSecretTest() {
    v1::Api api = NewApi();
    api.add_jwts()->set_requirement(v1::REQUIREMENT_MANDATORY);
    world_.Put(api);
    AddConsumer("ali");
    AddConsumer("bob");
  }
  void AddConsumer(const std::string& name) {
    v1::Key key;
    key.set_id(name);
    key.set_org_id(kOrg);
    key.set_alias(name);
    key.set_all_apis(true);
    world_.Put(key);
    world_.Put(IssuerOf(name));
  }
  static v1::Resource IssuerOf(const std::string& name) {
    v1::Resource resource;
    v1::TokenIssuer* issuer = resource.mutable_token_issuer();
    issuer->set_id("issuer-of-" + name);
    issuer->set_org_id(kOrg);
    issuer->add_algorithms("HS256");
    issuer->set_select_claim("key");
    issuer->set_select_value(name + "-key");
    issuer->set_key_id(name);
    issuer->add_shared_secrets()->set_ciphertext(name);
    return resource;
  }
  static std::string Claims(const std::string& key, absl::Duration life = absl::Hours(1)) {
    return absl::StrCat("{\"key\":\"", key,
                        "\",\"exp\":", absl::ToUnixSeconds(testing::TestNow() + life), "}");
  }
  static std::string Mac(Algorithm algorithm, absl::string_view secret, const std::string& claims) {
    const std::string input = jwt::signing::SigningInput(jwt::signing::HeaderOf(algorithm), claims);
    return jwt::signing::WithSignature(input, jwt::signing::SignMac(algorithm, secret, input));
  }
  v1::Decision AskWith(const std::string& token) { return AskWithAll({{"authorization", token}}); }
  // Tokens by the names of their headers.
  v1::Decision AskWithAll(const std::map<std::string, std::string>& tokens) {
    v1::AuthorizeRequest request = Asked({});
    for (const auto& [name, token] : tokens) {
      v1::Credential* credential = request.add_credentials();
      credential->set_mechanism("jwt");
      credential->set_place("header");
      credential->set_name(name);
      credential->set_jwt(token);
    }
    AuthorizeQuestion question{request};
    if (opens_)
      question.open_secrets = [this](const v1::TokenIssuer& issuer) {
        ++opened_;
        auto keys = std::make_shared<jwt::KeySet>();
        keys->keys.push_back(jwt::signing::SecretKey(
            issuer.shared_secrets(0).ciphertext() == "ali" ? kSecretOfAli : kSecretOfBob));
        return keys;
      };
    return Decide(world_.snapshot(), question, testing::TestNow());
  }

  struct TestPublicKey {
    testing::TestCert certificate;
    std::string pem, der;
  };
  // "carol", who signs by RS256.
  TestPublicKey AddPublicKeyIssuer() {
    TestPublicKey made;
    made.certificate = testing::CertBuilder("CN=signer").Key(testing::KeyType::kRsa2048).SelfSign();
    made.der = made.certificate.PublicDer();
    made.pem = crypto::PublicKeyPem(made.der);
    AddConsumer("carol");
    v1::Resource resource = IssuerOf("carol");
    v1::TokenIssuer* issuer = resource.mutable_token_issuer();
    issuer->clear_shared_secrets();
    issuer->clear_algorithms();
    issuer->add_certificate_ids(world_.AddPublicKey(made.certificate));
    world_.Put(resource);
    return made;
  }

  World world_;
  bool opens_ = true;
  int opened_ = 0;
};

TEST_F(SharedSecretTest, TheClaimSaysWhoseItIs) {
  const v1::Decision ali = AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key")));
  EXPECT_ALLOWED(ali);
  EXPECT_EQ(ali.identity().key_id(), "ali");
  EXPECT_EQ(ali.identity().name(), "ali");
  EXPECT_TRUE(HasTag(ali, "key:ali"));
  EXPECT_TRUE(HasTag(ali, "issuer:issuer-of-ali"));
  EXPECT_EQ(AskWith(Mac(Algorithm::kHs256, kSecretOfBob, Claims("bob-key"))).identity().key_id(),
            "bob");
}

TEST_F(SharedSecretTest, NobodySignsForAnother) {
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfBob, Claims("ali-key"))), kTokenInvalid);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("bob-key"))), kTokenInvalid);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("nobody"))), kTokenInvalid);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, "{\"exp\":4000000000}")),
                 kTokenInvalid);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, "", Claims("ali-key"))), kTokenInvalid);
}

TEST_F(SharedSecretTest, OnlyAlgorithmsThatTheIssuerLists) {
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs384, kSecretOfAli, Claims("ali-key"))), kTokenInvalid);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs512, kSecretOfAli, Claims("ali-key"))), kTokenInvalid);
  EXPECT_EQ(opened_, 0) << "before anything is opened";
  const auto key = jwt::signing::NewKey(Algorithm::kEs256);
  EXPECT_REFUSED(AskWith(jwt::signing::MakeToken(Algorithm::kEs256, key.get(), Claims("ali-key"))),
                 kTokenInvalid);
  const std::string none = jwt::signing::SigningInput("{\"alg\":\"none\"}", Claims("ali-key"));
  EXPECT_REFUSED(AskWith(none + "."), kTokenInvalid);
}

// What is wrong before the signature, APISIX's callers are told; others are not.
TEST_F(SharedSecretTest, ApisixSaysMoreOfATokenThatNobodySigned) {
  struct Case {
    std::string token;
    Reason reason;
  };
  const std::string good = Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"));
  const std::string none = jwt::signing::SigningInput("{\"alg\":\"none\"}", Claims("ali-key"));
  const Case cases[] = {
      {"x", Reason::kTokenMalformed},
      {"x.y.z", Reason::kTokenMalformed},
      {good + ".x", Reason::kTokenMalformed},
      {std::string(20'000, 'x'), Reason::kTokenMalformed},
      {Mac(Algorithm::kHs256, kSecretOfAli, "{\"exp\":4000000000}"), Reason::kTokenNamesNobody},
      {Mac(Algorithm::kHs256, kSecretOfAli, "{\"key\":5}"), Reason::kTokenUnknown},
      {Mac(Algorithm::kHs256, kSecretOfAli, Claims("nobody")), Reason::kTokenUnknown},
      {Mac(Algorithm::kHs256, kSecretOfBob, Claims("ali-key")), Reason::kTokenInvalid},
      {Mac(Algorithm::kHs512, kSecretOfAli, Claims("ali-key")), Reason::kTokenInvalid},
      {none + ".", Reason::kTokenInvalid},
  };
  for (const char* style : {"apisix", "native", "tyk", "apk"}) {
    v1::Api api = NewApi();
    api.set_style(style);
    api.add_jwts()->set_requirement(v1::REQUIREMENT_MANDATORY);
    world_.Put(api);
    EXPECT_ALLOWED(AskWith(good));
    for (const Case& one : cases) {
      const bool told = absl::string_view(style) == "apisix";
      EXPECT_EQ(AskWith(one.token).reason(),
                static_cast<uint32_t>(told ? one.reason : Reason::kTokenInvalid))
          << style << " " << one.token.substr(0, 80);
    }
  }
}

// RFC 8725 section 2.1: whoever knows a public key must not be able to sign with it.
TEST_F(SharedSecretTest, APublicKeyIsNoSecret) {
  const TestPublicKey rsa = AddPublicKeyIssuer();
  const std::string claims = Claims("carol-key");
  for (const std::string& secret : {rsa.pem, rsa.der}) {
    const std::string forged = Mac(Algorithm::kHs256, secret, claims);
    EXPECT_REFUSED(AskWith(forged), kTokenInvalid);
  }
  EXPECT_EQ(opened_, 0) << "an issuer without shared secrets";
  EXPECT_ALLOWED(
      AskWith(jwt::signing::MakeToken(Algorithm::kRs256, rsa.certificate.key.get(), claims)));
}

TEST_F(SharedSecretTest, AnIssuerWithoutAlgorithmsTakesNoSecret) {
  v1::Resource issuer = IssuerOf("ali");
  issuer.mutable_token_issuer()->clear_algorithms();
  world_.Put(issuer);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"))), kTokenInvalid);
}

TEST_F(SharedSecretTest, WhatCannotBeOpenedLetsNobodyIn) {
  opens_ = false;
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"))),
                 kTokenKeysUnavailable);
}

TEST_F(SharedSecretTest, TimesCount) {
  EXPECT_REFUSED(
      AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key", -absl::Seconds(1)))),
      kTokenExpired);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, "{\"key\":\"ali-key\"}")),
                 kTokenInvalid);
}

TEST_F(SharedSecretTest, TheKeysOwnStateCounts) {
  const std::string token = Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"));
  v1::Key key = world_.snapshot().FindKey("ali")->key;
  key.set_inactive(true);
  world_.Put(key);
  EXPECT_REFUSED(AskWith(token), kKeyInactive);
  world_.Erase(Kind::kKey, "ali");
  EXPECT_REFUSED(AskWith(token), kTokenUnknown);
  EXPECT_TRUE(HasTag(AskWith(token), "key:ali"));
  key.set_inactive(false);
  key.set_org_id("others");
  world_.Put(key);
  EXPECT_REFUSED(AskWith(token), kTokenUnknown);
}

TEST_F(SharedSecretTest, ABoundKeyNeedsItsCertificate) {
  v1::Key key = world_.snapshot().FindKey("ali")->key;
  key.add_bound_certificate_ids(std::string(64, 'a'));
  world_.Put(key);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"))),
                 kCertBindingMismatch);
}

TEST_F(SharedSecretTest, OtherOrganisationsSelectNobody) {
  v1::Resource issuer = IssuerOf("ali");
  issuer.mutable_token_issuer()->set_org_id("others");
  world_.Put(issuer);
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"))), kTokenInvalid);
}

// One of many is found by what its tokens say, not among the first that are looked at.
TEST_F(SharedSecretTest, ThereMayBeManyOfThem) {
  for (int i = 0; i < 200; ++i) AddConsumer(absl::StrCat("a", i));
  const v1::Decision one = AskWith(Mac(Algorithm::kHs256, kSecretOfBob, Claims("a177-key")));
  EXPECT_ALLOWED(one);
  EXPECT_EQ(one.identity().key_id(), "a177");
  world_.Erase(Kind::kTokenIssuer, "issuer-of-a177");
  EXPECT_REFUSED(AskWith(Mac(Algorithm::kHs256, kSecretOfBob, Claims("a177-key"))), kTokenInvalid);
}

// And those that select nothing are still found among many that do.
TEST_F(SharedSecretTest, AnIssuerByNameIsFoundBesideManyOfThem) {
  for (int i = 0; i < 200; ++i) world_.Put(IssuerOf(absl::StrCat("a", i)));
  const auto signer = testing::CertBuilder("CN=idp").SelfSign();
  v1::Resource resource;
  v1::TokenIssuer* idp = resource.mutable_token_issuer();
  idp->set_id("zzz");
  idp->set_org_id(kOrg);
  idp->set_issuer("https://idp.test");
  idp->add_certificate_ids(world_.AddPublicKey(signer));
  world_.Put(resource);
  EXPECT_ALLOWED(AskWith(
      jwt::signing::MakeToken(Algorithm::kEs256, signer.key.get(),
                              "{\"iss\":\"https://idp.test\",\"sub\":\"x\",\"exp\":4000000000}")));
}

TEST_F(SharedSecretTest, TwoCredentialsAreOfOneKey) {
  v1::Api api = NewApi();
  api.add_jwts()->set_requirement(v1::REQUIREMENT_MANDATORY);
  v1::JwtAuth* second = api.add_jwts();
  second->set_requirement(v1::REQUIREMENT_MANDATORY);
  second->set_header_name("x-second");
  world_.Put(api);
  const std::string ali = Mac(Algorithm::kHs256, kSecretOfAli, Claims("ali-key"));
  const std::string bob = Mac(Algorithm::kHs256, kSecretOfBob, Claims("bob-key"));
  EXPECT_ALLOWED(AskWithAll({{"authorization", ali}, {"x-second", ali}}));
  EXPECT_REFUSED(AskWithAll({{"authorization", ali}, {"x-second", bob}}), kCertBindingMismatch);
}

}  // namespace
}  // namespace sallyport::authsvc
