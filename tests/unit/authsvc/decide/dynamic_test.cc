// Dynamic mTLS: the proven leaf, and nothing else, finds the key.
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::HasSubstr;
using testing::KeyType;
using testing::TestCert;
using testing::TestNow;

TEST(DynamicMtls, TheLeafIsTheCredential) {
  World world;
  const TestCert alice =
      CertBuilder("CN=alice").LikeOpensslReq().SelfSign();  // as seed 000 makes it
  const TestCert bob = CertBuilder("CN=bob").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  v1::Key key = KeyOf(alice);
  key.set_alias("team-a");
  world.Put(key);
  const v1::Decision allowed = Ask(world, Asked({&alice}));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().name(), "team-a");
  EXPECT_EQ(allowed.identity().key_id(), "key1");
  EXPECT_TRUE(allowed.identity().certificate_verified());
  for (const std::string& tag :
       {std::string("api:api1"), std::string("settings"), std::string("key:key1"),
        absl::StrCat("cert:", IdOf(alice)), "leaf:" + IdOf(alice).substr(4)}) {
    EXPECT_TRUE(HasTag(allowed, tag)) << tag;
  }
  EXPECT_REFUSED(Ask(world, Asked({&bob})), kCertUnknown);
  EXPECT_REFUSED(Ask(world, Asked({})), kCertRequired);
}

TEST(DynamicMtls, ALeafThatAKeysCertificateSignedIsUnknown) {
  World world;
  const TestCert authority = CertBuilder("CN=alice").LikeOpensslReq().SelfSign();
  const TestCert issued = CertBuilder("CN=alice").SignBy(authority);
  world.Put(DynamicApi());
  world.AddCertificate(authority);
  world.Put(KeyOf(authority));
  EXPECT_ALLOWED(Ask(world, Asked({&authority})));
  EXPECT_REFUSED(Ask(world, Asked({&issued})), kCertUnknown);
  EXPECT_REFUSED(Ask(world, Asked({&issued, &authority})), kCertUnknown);
}

TEST(DynamicMtls, AnotherPresentedCertificateFindsNoKey) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=mallory").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  EXPECT_REFUSED(Ask(world, Asked({&mallory, &alice})), kCertUnknown);
}

TEST(DynamicMtls, DeletingTheCertificateCutsOffAtOnce) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  world.Erase(Kind::kCertificate, IdOf(alice));
  const v1::Decision refused = Ask(world, Asked({&alice}));
  EXPECT_REFUSED(refused, kCertUnknown);
  EXPECT_THAT(refused.detail(), HasSubstr("not in the store"));
  EXPECT_TRUE(HasTag(refused, absl::StrCat("cert:", IdOf(alice))));
  EXPECT_TRUE(HasTag(refused, "key:key1"));
  world.AddCertificate(alice);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
}

TEST(DynamicMtls, DeletingTheKeyCutsOffAtOnce) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  world.Erase(Kind::kKey, "key1");
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertUnknown);
}

TEST(DynamicMtls, OldAndRenewedCertificateAreTheSameKey) {
  World world;
  const TestCert old = CertBuilder("CN=alice").SelfSign();
  const TestCert renewed = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(old);
  world.AddCertificate(renewed);
  v1::Key key = KeyOf(old);
  key.add_certificate_ids(IdOf(renewed));
  key.mutable_limits()->mutable_rate()->set_rate(10);
  key.mutable_limits()->mutable_rate()->set_per_seconds(1);
  world.Put(key);
  const v1::Decision first = Ask(world, Asked({&old}));
  const v1::Decision second = Ask(world, Asked({&renewed}));
  EXPECT_ALLOWED(first);
  EXPECT_ALLOWED(second);
  ASSERT_EQ(first.grants().limits_size(), 1);
  ASSERT_EQ(second.grants().limits_size(), 1);
  EXPECT_EQ(first.grants().limits(0).bucket(), second.grants().limits(0).bucket());
}

TEST(DynamicMtls, CertificateOfAnotherOrganisationIsUnknown) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice, {.org = "org2"});
  v1::Key key = NewKey("key1");
  key.set_org_id("org2");
  key.add_certificate_ids(IdOf(alice, "org2"));
  world.Put(key);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertUnknown);
}

TEST(DynamicMtls, LeavesAreCheckedBeforeKeysAreLookedUp) {
  World world;
  world.Put(DynamicApi());
  const struct {
    TestCert leaf;
    Reason reason;
  } cases[] = {
      {CertBuilder("CN=a").Expired().SelfSign(), Reason::kCertExpired},
      {CertBuilder("CN=a").NotYetValid().SelfSign(), Reason::kCertNotYetValid},
      {CertBuilder("CN=a").ServerAuth().SelfSign(), Reason::kCertWrongUsage},
      {CertBuilder("CN=a").Key(KeyType::kRsa1024).SelfSign(), Reason::kCertWeakKey},
  };
  for (const auto& c : cases) {
    world.AddCertificate(c.leaf);
    world.Put(KeyOf(c.leaf, absl::StrCat("key-", base::ReasonName(c.reason))));
    EXPECT_EQ(base::ReasonName(ReasonOf(Ask(world, Asked({&c.leaf})))), base::ReasonName(c.reason));
  }
}

TEST(DynamicMtls, ATokenThatIsNotAskedForIsNotLookedAt) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  world.Put(TokenKey("secret", "key2"));
  EXPECT_EQ(Ask(world, WithToken(Asked({&alice}), "secret")).identity().key_id(), "key1");
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({&alice}), "wrong")));
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")),
                 kCertRequired);  // never in place of it
}

TEST(DynamicMtls, WithATokenAskedForBothMustBeOfOneKey) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = DynamicApi();
  api.mutable_token()->set_enabled(true);
  world.Put(api);
  world.AddCertificate(alice);
  v1::Key key = KeyOf(alice);
  key.add_token_sha256(crypto::Sha256("secret"));
  world.Put(key);
  world.Put(TokenKey("other", "key2"));
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({&alice}), "secret")));
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kTokenRequired);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&alice}), "wrong")), kTokenUnknown);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&alice}), "other")), kCertBindingMismatch);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kCertRequired);
}

TEST(DynamicMtls, StaticAndDynamicMustBothPass) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert alice = CertBuilder("CN=alice").SignBy(root);
  const TestCert bob = CertBuilder("CN=bob").SignBy(root);
  const TestCert carol = CertBuilder("CN=carol").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(root)});
  api.set_keyless(false);
  api.mutable_client_tls()->set_dynamic_mtls(true);
  world.Put(api);
  world.AddCertificate(alice);
  world.AddCertificate(carol);
  world.Put(KeyOf(alice, "key1"));
  world.Put(KeyOf(carol, "key2"));
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  EXPECT_REFUSED(Ask(world, Asked({&bob})), kCertUnknown);      // listed, no key
  EXPECT_REFUSED(Ask(world, Asked({&carol})), kCertUntrusted);  // a key, not listed
}

TEST(DynamicMtls, RevokedLeafIsRefused) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  world.Put(KeyOf(alice));
  v1::GatewaySettings settings;
  settings.add_revoked()->set_spki_sha256(alice.cert->spki_sha256);
  world.Put(settings);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertRevoked);
}

TEST(DynamicMtls, KeyStates) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(DynamicApi());
  world.AddCertificate(alice);
  v1::Key key = KeyOf(alice);
  key.set_inactive(true);
  world.Put(key);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kKeyInactive);
  key.set_inactive(false);
  key.set_expires_unix(absl::ToUnixSeconds(TestNow()) + 30);
  world.Put(key);
  const v1::Decision allowed = Ask(world, Asked({&alice}));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.ttl_ms(), 30000);
  EXPECT_EQ(allowed.hard_expiry_unix_ms(), key.expires_unix() * 1000);
  EXPECT_REFUSED(Ask(world, Asked({&alice}), TestNow() + absl::Seconds(30)), kKeyExpired);
  key.set_expires_unix(0);
  key.mutable_access_rights(0)->set_api_id("api2");
  world.Put(key);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kApiNotGranted);
  key.clear_access_rights();
  world.Put(key);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kApiNotGranted);
  key.set_all_apis(true);
  world.Put(key);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
}

}  // namespace
}  // namespace sallyport::authsvc
