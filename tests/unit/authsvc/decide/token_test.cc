// Tokens, and tokens bound to certificates.
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using testing::TestCert;

TEST(Token, FindsItsKey) {
  World world;
  world.Put(TokenApi());
  world.Put(TokenKey("secret"));
  const v1::Decision allowed = Ask(world, WithToken(Asked({}), "secret"));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().name(), "key1");
  EXPECT_FALSE(allowed.identity().certificate_verified());
  EXPECT_REFUSED(Ask(world, Asked({})), kTokenRequired);
  const v1::Decision unknown = Ask(world, WithToken(Asked({}), "other"));
  EXPECT_REFUSED(unknown, kTokenUnknown);
  EXPECT_TRUE(std::any_of(unknown.tags().begin(), unknown.tags().end(),
                          [](const std::string& tag) { return tag.rfind("token:", 0) == 0; }));
}

TEST(Token, CountsOnlyWhereTheApiLooksForIt) {
  World world;
  v1::Api api = TokenApi();
  world.Put(api);
  world.Put(TokenKey("secret"));
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret", "query")), kTokenRequired);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret", "cookie")), kTokenRequired);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret", "elsewhere")), kTokenRequired);
  api.mutable_token()->set_use_query(true);
  api.mutable_token()->set_use_cookie(true);
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({}), "secret", "query")));
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({}), "secret", "cookie")));
  // A later place wins, also when it is the wrong one.
  EXPECT_REFUSED(Ask(world, WithToken(WithToken(Asked({}), "secret"), "wrong", "cookie")),
                 kTokenUnknown);
  api.mutable_token()->set_disable_header(true);
  world.Put(api);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kTokenRequired);
}

TEST(Token, OtherMechanismsAndBrokenHashesAreNone) {
  World world;
  world.Put(TokenApi());
  world.Put(TokenKey("secret"));
  v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  request.mutable_credentials(0)->set_mechanism("basic");
  EXPECT_REFUSED(Ask(world, request), kTokenRequired);
  request = WithToken(Asked({}), "secret");
  request.mutable_credentials(0)->set_sha256("short");
  EXPECT_REFUSED(Ask(world, request), kTokenUnknown);
  request.mutable_credentials(0)->clear_sha256();
  EXPECT_REFUSED(Ask(world, request), kTokenUnknown);
}

// Also under an org or name that the key does not write.
TEST(Token, TheHashOfTheLeafAtHandOrOfTheKeysCertificateNeverAuthenticates) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert bob = CertBuilder("CN=bob").SelfSign();
  world.AddCertificate(alice, {.name = "alice"});
  world.Put(TokenApi());
  for (const std::string& token : {IdOf(alice, ""), IdOf(alice)}) {
    v1::Key key = NewKey("key1");
    key.add_certificate_ids("name:alice");
    key.add_token_sha256(crypto::Sha256(token));
    world.Put(key);
    EXPECT_REFUSED(Ask(world, WithToken(Asked({}), token)), kTokenUnknown);
  }
  v1::Key key = NewKey("key1");
  key.add_token_sha256(crypto::Sha256(IdOf(bob)));
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&bob}), IdOf(bob))), kTokenUnknown);
}

// The id of a certificate names the session in admin calls. Whoever has the public certificate can
// compute it, so it never lets anybody in, even when it was stored as a token.
TEST(Token, ACertificateIdNeverAuthenticates) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.AddCertificate(alice);
  v1::Api api = TokenApi();
  world.Put(api);
  v1::Key key = KeyOf(alice, IdOf(alice));
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), IdOf(alice))), kTokenUnknown);
  key.add_token_sha256(crypto::Sha256(IdOf(alice)));
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), IdOf(alice))), kTokenUnknown);
  key.clear_certificate_ids();
  world.Put(key);  // its id alone still has the form
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), IdOf(alice))), kTokenUnknown);
  v1::Key bound = NewKey("key2");
  bound.add_bound_certificate_ids(IdOf(alice));
  bound.add_token_sha256(crypto::Sha256(IdOf(alice)));
  world.Erase(Kind::kKey, IdOf(alice));
  world.Put(bound);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&alice}), IdOf(alice))), kTokenUnknown);
}

TEST(Token, KeyOfAnotherOrganisationIsUnknown) {
  World world;
  world.Put(TokenApi());
  v1::Key key = TokenKey("secret");
  key.set_org_id("org2");
  key.set_all_apis(true);
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kTokenUnknown);
  key.set_org_id("");
  key.clear_access_rights();
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")),
                 kApiNotGranted);  // all of its own, and no more
}

TEST(Keyless, InClearOnlyWhereTheProtocolIsTcp) {
  World world;
  v1::Api api = TokenApi();
  api.clear_token();
  api.set_keyless(true);
  api.set_protocol("tcp");
  api.set_listen_port(5432);
  world.Put(api);
  v1::AuthorizeRequest request = Asked({});
  request.set_tls(false);
  EXPECT_ALLOWED(Ask(world, request));
  api.mutable_client_tls()->set_dynamic_mtls(true);
  world.Put(api);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
  api.mutable_client_tls()->set_dynamic_mtls(false);
  api.set_protocol("tls");
  world.Put(api);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
  request.set_tls(true);
  EXPECT_ALLOWED(Ask(world, request));
}

TEST(Token, NotOverPlainHttpUnlessTheApiAllowsIt) {
  World world;
  v1::Api api = TokenApi();
  world.Put(api);
  world.Put(TokenKey("secret"));
  v1::AuthorizeRequest request = WithToken(Asked({}), "secret");
  request.set_tls(false);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
  api.set_allow_plain_http(true);
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, request));
  // An API that can ask for a certificate is never served in the clear, whatever it says.
  api.mutable_client_tls()->set_dynamic_mtls(true);
  world.Put(api);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
}

TEST(BoundToken, NeedsOneOfItsCertificates) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert next = CertBuilder("CN=alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=mallory").SelfSign();
  const TestCert issued = CertBuilder("CN=alice").SignBy(alice);
  world.Put(TokenApi());
  world.AddCertificate(alice);
  world.AddCertificate(mallory);
  v1::Key key = TokenKey("secret");
  key.add_bound_certificate_ids(IdOf(alice));
  key.add_bound_certificate_ids("name:next");
  world.Put(key);
  const v1::Decision allowed = Ask(world, WithToken(Asked({&alice}), "secret"));
  EXPECT_ALLOWED(allowed);
  EXPECT_TRUE(allowed.identity().certificate_verified());
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kCertBindingMismatch);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&mallory}), "secret")), kCertBindingMismatch);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&mallory, &alice}), "secret")), kCertBindingMismatch);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&issued, &alice}), "secret")), kCertBindingMismatch);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&next}), "secret")), kCertBindingMismatch);  // pending
  world.AddCertificate(next, {.name = "next"});
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({&next}), "secret")));
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kTokenRequired);
  world.Erase(Kind::kCertificate, IdOf(alice));
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&alice}), "secret")), kCertBindingMismatch);
}

TEST(BoundToken, ItsCertificateIsStillChecked) {
  World world;
  const TestCert expired = CertBuilder("CN=alice").Expired().SelfSign();
  world.Put(TokenApi());
  world.AddCertificate(expired);
  v1::Key key = TokenKey("secret");
  key.add_bound_certificate_ids(IdOf(expired));
  world.Put(key);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&expired}), "secret")), kCertExpired);
}

TEST(Token, AnUnaskedForCertificateNamesNobody) {
  World world;
  const TestCert mallory = CertBuilder("CN=mallory").Uri("spiffe://corp/admin").SelfSign();
  v1::Api api = NewApi();
  api.set_keyless(true);
  world.Put(api);
  const v1::Decision allowed = Ask(world, Asked({&mallory}));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().name(), "");
  EXPECT_FALSE(allowed.identity().certificate_verified());
  EXPECT_FALSE(allowed.identity().has_certificate());
}

TEST(Mechanisms, NoneAtAllIsRefused) {
  World world;
  world.Put(NewApi());
  EXPECT_REFUSED(Ask(world, Asked({})), kApiUnusable);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kApiUnusable);
}

TEST(Mechanisms, ApiMustBeThereActiveAndDeployedToTheGroup) {
  World world;
  EXPECT_REFUSED(Ask(world, Asked({})), kNoRoute);
  v1::Api api = NewApi();
  api.set_keyless(true);
  api.add_groups("edge");
  world.Put(api);
  const v1::AuthorizeRequest request = Asked({});
  const auto from = [&](absl::string_view group) {
    return Decide(world.snapshot(), AuthorizeQuestion{request, false, group}, testing::TestNow());
  };
  EXPECT_ALLOWED(from("edge"));
  EXPECT_REFUSED(from("inner"), kNoRoute);
  EXPECT_REFUSED(from(""), kNoRoute);
  api.set_inactive(true);
  world.Put(api);
  EXPECT_REFUSED(from("edge"), kNoRoute);
}

}  // namespace
}  // namespace sallyport::authsvc
