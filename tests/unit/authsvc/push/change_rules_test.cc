#include "authsvc/push/change_rules.h"

#include <gmock/gmock.h>

#include "shared/base/text.h"
#include "tests/unit/authsvc/push/world.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TestCert;

const ::sallyport::v1::Eviction* Find(const ChangeRecord& record, const std::string& tag) {
  for (const auto& eviction : record.evictions) {
    if (eviction.tag() == tag) return &eviction;
  }
  return nullptr;
}
std::string Hex(const TestCert& certificate) { return base::Hex(certificate.cert->fingerprint); }

TEST(ChangeRules, NewCertificateVoidsRefusalsOfItsLeaf) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  const ChangeRecord record = world.Put({CertificateResource(leaf)});
  const auto* eviction = Find(record, "leaf:" + Hex(leaf));
  ASSERT_NE(eviction, nullptr);
  EXPECT_FALSE(eviction->sever());
  EXPECT_EQ(record.base_revision, 1U);
  EXPECT_EQ(record.revision, 2U);
}

TEST(ChangeRules, DeletedCertificateSeversItsConnectionsAndVoidsItsUsers) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  auto certificate = CertificateResource(leaf);
  const std::string id = certificate.id();
  auto api = ApiResource("a1");
  api.mutable_api()->mutable_client_tls()->set_static_mtls(::sallyport::v1::REQUIREMENT_MANDATORY);
  api.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id(id);
  (void)world.Put({certificate, api, KeyResource("k1", id)});
  const ChangeRecord record = world.Erase(Kind::kCertificate, id);
  const auto* eviction = Find(record, "cert:" + id);
  ASSERT_NE(eviction, nullptr);
  EXPECT_TRUE(eviction->sever());
  EXPECT_THAT(eviction->leaf_sha256(), ElementsAre(Hex(leaf)));
  EXPECT_NE(Find(record, "api:a1"), nullptr);
  EXPECT_NE(Find(record, "key:k1"), nullptr);
}

TEST(ChangeRules, StableNameThatMovesVoidsItsUsers) {
  World world;
  const TestCert old = CertBuilder("CN=a").SelfSign();
  const TestCert renewed = CertBuilder("CN=a").SelfSign();
  auto api = ApiResource("a1");
  api.mutable_api()->mutable_client_tls()->set_static_mtls(::sallyport::v1::REQUIREMENT_MANDATORY);
  api.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id("name:partner");
  (void)world.Put({CertificateResource(old, "partner"), api});
  const ChangeRecord record =
      world.Put({CertificateResource(old), CertificateResource(renewed, "partner")});
  EXPECT_NE(Find(record, "api:a1"), nullptr);
  EXPECT_NE(Find(record, "cert:name:partner"), nullptr);
  // The old leaf was let in by that entry and is no longer.
  const auto* eviction = Find(record, "cert:" + CertificateResource(old).id());
  ASSERT_NE(eviction, nullptr);
  EXPECT_THAT(eviction->leaf_sha256(), ElementsAre(Hex(old)));
}

::sallyport::v1::Resource SecretOf(const TestCert& certificate) {
  ::sallyport::v1::Resource resource;
  resource.set_id("default/web");
  auto* secret = resource.mutable_secret();
  secret->set_id("default/web");
  secret->set_org_id("org");
  (*secret->mutable_certificate_ids())["tls.crt"] = CertificateResource(certificate).id();
  return resource;
}

TEST(ChangeRules, SecretThatChangesSeversWhoItLetIn) {
  World world;
  const TestCert old = CertBuilder("CN=a").SelfSign();
  const TestCert renewed = CertBuilder("CN=a").SelfSign();
  auto api = ApiResource("a1");
  api.mutable_api()->mutable_client_tls()->set_static_mtls(::sallyport::v1::REQUIREMENT_MANDATORY);
  api.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id(
      "name:secret/default/web/tls.crt");
  (void)world.Put({CertificateResource(old), SecretOf(old), api});
  for (const bool erase : {false, true}) {
    const ChangeRecord record = erase
                                    ? world.Erase(Kind::kSecret, "default/web")
                                    : world.Put({CertificateResource(renewed), SecretOf(renewed)});
    EXPECT_NE(Find(record, "api:a1"), nullptr);
    EXPECT_NE(Find(record, "cert:name:secret/default/web/tls.crt"), nullptr);
    const TestCert& out = erase ? renewed : old;
    const auto* eviction = Find(record, "cert:" + CertificateResource(out).id());
    ASSERT_NE(eviction, nullptr);
    EXPECT_TRUE(eviction->sever());
    EXPECT_THAT(eviction->leaf_sha256(), ElementsAre(Hex(out)));
  }
}

TEST(ChangeRules, SecretOfAServerCertificateMakesServersAskAgain) {
  World world;
  const TestCert server = CertBuilder("CN=s").Dns("s.test").SelfSign();
  auto api = ApiResource("a1");
  api.mutable_api()->add_server_certificate_ids("name:secret/default/web/tls.crt");
  (void)world.Put({CertificateResource(server), api});
  EXPECT_NE(Find(world.Put({SecretOf(server)}), "servers"), nullptr);
}

TEST(ChangeRules, SecretOfACredentialMakesItsApisAskAgain) {
  World world;
  auto api = ApiResource("a1");
  api.mutable_api()->mutable_upstream()->mutable_credential()->set_value_ref(
      "name:secret/default/web/token");
  ::sallyport::v1::Resource secret;
  secret.set_id("default/web");
  secret.mutable_secret()->set_id("default/web");
  secret.mutable_secret()->set_org_id("org");
  auto& sealed = *secret.mutable_secret()->mutable_sealed_data();
  sealed["token"].set_ciphertext("one");
  (void)world.Put({api});
  EXPECT_NE(Find(world.Put({secret}), "api:a1"), nullptr) << "it came";
  sealed["token"].set_ciphertext("two");
  EXPECT_NE(Find(world.Put({secret}), "api:a1"), nullptr) << "it changed";
  sealed.clear();
  EXPECT_NE(Find(world.Put({secret}), "api:a1"), nullptr) << "it went";
  EXPECT_EQ(Find(world.Put({secret}), "api:a1"), nullptr);
}

TEST(ChangeRules, KeyThatBecomesUnusableIsSevered) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  const std::string id = CertificateResource(leaf).id();
  (void)world.Put({CertificateResource(leaf), KeyResource("k1", id)});

  auto changed = KeyResource("k1", id);
  changed.mutable_key()->set_alias("still fine");
  const ChangeRecord fine = world.Put({changed});
  EXPECT_FALSE(Find(fine, "key:k1")->sever());

  auto inactive = KeyResource("k1", id);
  inactive.mutable_key()->set_inactive(true);
  const ChangeRecord off = world.Put({inactive});
  ASSERT_TRUE(Find(off, "key:k1")->sever());
  EXPECT_THAT(Find(off, "key:k1")->key_ids(), ElementsAre("k1"));

  (void)world.Put({KeyResource("k1", id)});
  auto expired = KeyResource("k1", id);
  expired.mutable_key()->set_expires_unix(absl::ToUnixSeconds(testing::TestNow()) - 1);
  EXPECT_TRUE(Find(world.Put({expired}), "key:k1")->sever());

  (void)world.Put({KeyResource("k1", id)});
  const ChangeRecord gone = world.Erase(Kind::kKey, "k1");
  EXPECT_TRUE(Find(gone, "key:k1")->sever());
  EXPECT_NE(Find(gone, "leaf:" + Hex(leaf)), nullptr);
}

TEST(ChangeRules, KeyThatLosesACertificateSeversThatLeafOnly) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  (void)world.Put({CertificateResource(leaf), KeyResource("k1", CertificateResource(leaf).id())});
  const ChangeRecord record = world.Put({KeyResource("k1", "")});
  const auto* eviction = Find(record, "leaf:" + Hex(leaf));
  ASSERT_NE(eviction, nullptr);
  EXPECT_TRUE(eviction->sever());
  EXPECT_THAT(eviction->leaf_sha256(), ElementsAre(Hex(leaf)));
  EXPECT_THAT(eviction->key_ids(), IsEmpty());
  ASSERT_NE(Find(record, "key:k1"), nullptr);
  EXPECT_FALSE(Find(record, "key:k1")->sever()) << "the key's other certificates go on";
}

TEST(ChangeRules, NewTokenVoidsItsRefusal) {
  World world;
  auto key = KeyResource("k1", "");
  key.mutable_key()->add_token_sha256(std::string(32, 'x'));
  EXPECT_NE(Find(world.Put({key}), "token:" + base::Hex(std::string(32, 'x'))), nullptr);
}

TEST(ChangeRules, AllowlistEntryThatIsTakenOutSeversItsLeaf) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  const TestCert other = CertBuilder("CN=b").SelfSign();
  auto with = [](std::vector<std::string> ids) {
    auto api = ApiResource("a1");
    api.mutable_api()->mutable_client_tls()->set_static_mtls(
        ::sallyport::v1::REQUIREMENT_MANDATORY);
    for (auto& id : ids)
      api.mutable_api()->mutable_client_tls()->add_allowlist()->set_certificate_id(std::move(id));
    return api;
  };
  const std::string id = CertificateResource(leaf).id();
  const std::string other_id = CertificateResource(other).id();
  (void)world.Put({CertificateResource(leaf), CertificateResource(other), with({id, other_id})});
  const ChangeRecord record = world.Put({with({other_id})});
  ASSERT_NE(Find(record, "cert:" + id), nullptr);
  EXPECT_THAT(Find(record, "cert:" + id)->leaf_sha256(), ElementsAre(Hex(leaf)));
  EXPECT_EQ(Find(record, "cert:" + other_id), nullptr);
}

TEST(ChangeRules, WhoCameByACaOrBareKeyThatIsGoneIsSevered) {
  const TestCert ca = CertBuilder("CN=ca").Ca().SelfSign();
  const std::string id = CertificateResource(ca).id();
  const auto listing = [&](bool listed, bool exact) {
    auto api = ApiResource("a1");
    api.mutable_api()->mutable_client_tls()->set_static_mtls(
        ::sallyport::v1::REQUIREMENT_MANDATORY);
    if (!listed) return api;
    auto* entry = api.mutable_api()->mutable_client_tls()->add_allowlist();
    entry->set_certificate_id(id);
    entry->set_exact(exact);
    return api;
  };
  for (const bool removed : {true, false}) {
    World world;
    (void)world.Put({CertificateResource(ca), listing(true, false)});
    const ChangeRecord record = world.Put({listing(!removed, true)});
    ASSERT_NE(Find(record, "cert:" + id), nullptr) << removed;
    EXPECT_TRUE(Find(record, "cert:" + id)->sever()) << removed;
  }
  World world;
  (void)world.Put({CertificateResource(ca), listing(true, false)});
  EXPECT_TRUE(Find(world.Erase(Kind::kCertificate, id), "cert:" + id)->sever());
}

TEST(ChangeRules, PolicyThatIsGoneOrInactiveSevers) {
  World world;
  const auto policy = [](bool inactive) {
    ::sallyport::v1::Resource resource;
    resource.set_id("p");
    resource.mutable_policy()->set_id("p");
    resource.mutable_policy()->set_inactive(inactive);
    return resource;
  };
  EXPECT_FALSE(Find(world.Put({policy(false)}), "policy:p")->sever());
  EXPECT_TRUE(Find(world.Put({policy(true)}), "policy:p")->sever());
  EXPECT_FALSE(Find(world.Put({policy(false)}), "policy:p")->sever());
  EXPECT_TRUE(Find(world.Erase(Kind::kPolicy, "p"), "policy:p")->sever());
}

TEST(ChangeRules, RoutesCarryNoAllowlistPinOrCertificate) {
  World world;
  auto api = ApiResource("a1", {"edge"});
  api.mutable_api()->mutable_upstream()->add_targets()->set_url("https://up");
  (*api.mutable_api()
        ->mutable_upstream()
        ->mutable_client_certificates()
        ->mutable_certificate_ids())["*"] = "orgSECRET";
  api.mutable_api()->mutable_client_tls()->set_dynamic_mtls(true);
  auto* proxy = api.mutable_api()->mutable_upstream()->mutable_forward_proxy();
  proxy->set_url("http://Proxy.example:3128");
  proxy->set_username("SECRET user");
  proxy->mutable_sealed_password()->set_ciphertext("SECRET password");
  const ChangeRecord record = world.Put({api});
  ASSERT_EQ(record.routes.size(), 1U);
  EXPECT_TRUE(record.routes[0].route->dynamic_mtls());
  EXPECT_EQ(record.routes[0].route->forward_proxy(), "proxy.example:3128");
  EXPECT_EQ(record.routes[0].route->SerializeAsString().find("SECRET"), std::string::npos);
  EXPECT_TRUE(record.routes[0].after.Includes("edge"));
  EXPECT_FALSE(record.routes[0].after.Includes("other"));
}

TEST(ChangeRules, AnotherForwardProxyOrPasswordVoidsWhatWasResolved) {
  World world;
  auto api = ApiResource("a1");
  api.mutable_api()->mutable_upstream()->add_targets()->set_url("http://up");
  EXPECT_EQ(world.Put({api}).routes[0].route->forward_proxy(), "");
  auto* proxy = api.mutable_api()->mutable_upstream()->mutable_forward_proxy();
  proxy->set_url("http://proxy.example:3128");
  EXPECT_NE(Find(world.Put({api}), "api:a1"), nullptr);
  proxy->mutable_sealed_password()->set_ciphertext("other");
  EXPECT_NE(Find(world.Put({api}), "api:a1"), nullptr);
  proxy->set_url("what nobody can read");
  EXPECT_NE(world.Put({api}).routes[0].route->forward_proxy(), "")
      << "never taken for a target without a proxy";
}

TEST(ChangeRules, InactiveApiIsRemoved) {
  World world;
  (void)world.Put({ApiResource("a1")});
  auto off = ApiResource("a1");
  off.mutable_api()->set_inactive(true);
  const ChangeRecord record = world.Put({off});
  ASSERT_EQ(record.routes.size(), 1U);
  EXPECT_TRUE(record.routes[0].before.Includes("any"));
  EXPECT_FALSE(record.routes[0].after.Includes("any"));
}

TEST(ChangeRules, RevokedPublicKeySeversStoredCertificatesThatHaveIt) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  (void)world.Put({CertificateResource(leaf)});
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_revoked()->set_spki_sha256(leaf.cert->spki_sha256);
  const ChangeRecord record = world.Put({settings});
  EXPECT_NE(Find(record, "settings"), nullptr);
  ASSERT_NE(Find(record, "cert:" + CertificateResource(leaf).id()), nullptr);
  EXPECT_TRUE(Find(record, "cert:" + CertificateResource(leaf).id())->sever());
}

TEST(ChangeRules, RevokedSerialOrSignedPartSeversTheStoredCertificateAlone) {
  World world;
  const TestCert leaf = CertBuilder("CN=a").SelfSign();
  const TestCert other = CertBuilder("CN=b").SelfSign();
  (void)world.Put({CertificateResource(leaf), CertificateResource(other)});
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  auto* serial = settings.mutable_settings()->add_revoked();
  serial->set_issuer_der(leaf.cert->issuer_der);
  serial->set_serial(std::string(1, '\0') + leaf.cert->serial);
  const std::string leaf_tag = "cert:" + CertificateResource(leaf).id();
  const std::string other_tag = "cert:" + CertificateResource(other).id();
  const ChangeRecord first = world.Put({settings});
  ASSERT_NE(Find(first, leaf_tag), nullptr);
  EXPECT_THAT(Find(first, leaf_tag)->leaf_sha256(), ElementsAre(Hex(leaf)));
  EXPECT_EQ(Find(first, other_tag), nullptr);
  // Only what is new: the first entry severed already.
  settings.mutable_settings()->add_revoked()->set_tbs_sha256(other.cert->tbs_sha256);
  const ChangeRecord second = world.Put({settings});
  ASSERT_NE(Find(second, other_tag), nullptr);
  EXPECT_TRUE(Find(second, other_tag)->sever());
  EXPECT_EQ(Find(second, leaf_tag), nullptr);
}

TEST(ChangeRules, NewDenialsGoToTheDataPlanesAsTheyAre) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=a").SignBy(root);  // stored nowhere
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  EXPECT_EQ(Find(world.Put({settings}), "denied"), nullptr);
  auto* serial = settings.mutable_settings()->add_revoked();
  serial->set_issuer_der(leaf.cert->issuer_der);
  serial->set_serial(leaf.cert->serial);
  const ChangeRecord first = world.Put({settings});
  ASSERT_NE(Find(first, "denied"), nullptr);
  EXPECT_TRUE(Find(first, "denied")->sever());
  ASSERT_EQ(Find(first, "denied")->denied_size(), 1);
  EXPECT_EQ(Find(first, "denied")->denied(0).issuer_der(), leaf.cert->issuer_der);
  EXPECT_EQ(Find(first, "denied")->denied(0).serial(), leaf.cert->serial);
  EXPECT_FALSE(Find(first, "settings")->sever()) << "nobody else is cut off";
  // Only what is new.
  settings.mutable_settings()->add_revoked()->set_tbs_sha256(std::string(32, 't'));
  const ChangeRecord second = world.Put({settings});
  ASSERT_EQ(Find(second, "denied")->denied_size(), 1);
  EXPECT_EQ(Find(second, "denied")->denied(0).tbs_sha256(), std::string(32, 't'));
  // What is taken off the list severs nobody.
  settings.mutable_settings()->clear_revoked();
  EXPECT_EQ(Find(world.Put({settings}), "denied"), nullptr);
}

TEST(ChangeRules, MoreDenialsThanAChangeCarriesSeverEverybody) {
  World world;
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  for (int i = 0; i < 5; ++i) {
    auto* item = settings.mutable_settings()->add_revoked();
    item->set_issuer_der(std::string(1 << 20, static_cast<char>('a' + i)));
    item->set_serial("1");
  }
  const ChangeRecord record = world.Put({settings});
  ASSERT_NE(Find(record, "settings"), nullptr);
  EXPECT_TRUE(Find(record, "settings")->sever());
  EXPECT_EQ(Find(record, "denied"), nullptr);
}

TEST(ChangeRules, WhateverChangesWhoServesANameVoidsServerAnswers) {
  World world;
  const TestCert server = CertBuilder("CN=s").Dns("s.test").ServerAuth().SelfSign();
  const auto api = [&](bool inactive, std::vector<std::string> groups, bool serves = true) {
    auto resource = ApiResource("a1", std::move(groups));
    if (serves)
      resource.mutable_api()->add_server_certificate_ids(CertificateResource(server).id());
    resource.mutable_api()->set_inactive(inactive);
    return resource;
  };
  EXPECT_EQ(Find(world.Put({api(false, {}, false)}), "servers"), nullptr);
  EXPECT_NE(Find(world.Put({api(false, {})}), "servers"), nullptr);
  EXPECT_NE(Find(world.Put({CertificateResource(server)}), "servers"), nullptr);
  EXPECT_NE(Find(world.Put({api(true, {})}), "servers"), nullptr);
  EXPECT_NE(Find(world.Put({api(true, {"edge"})}), "servers"), nullptr);
  auto renamed = api(true, {"edge"});
  renamed.mutable_api()->set_name("n");
  EXPECT_EQ(Find(world.Put({renamed}), "servers"), nullptr);
}

TEST(ChangeRules, ChangedTrustedProxiesAreTold) {
  World world;
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_trusted_proxies("10.0.0.0/8");
  const ChangeRecord record = world.Put({settings});
  ASSERT_NE(record.gateway, nullptr);
  EXPECT_THAT(record.gateway->trusted_proxies(), ElementsAre("10.0.0.0/8"));
  EXPECT_THAT(record.gateway->client_certificate_headers(), IsEmpty());
}

TEST(ChangeRules, ChangedCertificateHeadersAreTold) {
  World world;
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_trusted_proxies("10.0.0.0/8");
  (void)world.Put({settings});
  settings.mutable_settings()->add_client_certificate_headers("X-SSL-Cert");
  ChangeRecord record = world.Put({settings});
  ASSERT_NE(record.gateway, nullptr);
  EXPECT_THAT(record.gateway->client_certificate_headers(), ElementsAre("x-ssl-cert"));
  settings.mutable_settings()->clear_client_certificate_headers();
  record = world.Put({settings});
  ASSERT_NE(record.gateway, nullptr);
  EXPECT_THAT(record.gateway->client_certificate_headers(), IsEmpty());
}

TEST(ChangeRules, TheGatewaysUpstreamProtocolIsThatOfApisThatNameNone) {
  World world;
  auto named = ApiResource("named");
  named.mutable_api()->mutable_upstream()->set_protocol("http1");
  (void)world.Put({named, ApiResource("unnamed")});
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->set_upstream_http2(true);
  const ChangeRecord record = world.Put({settings});
  ASSERT_EQ(record.routes.size(), 1U);
  EXPECT_EQ(record.routes[0].route->api_id(), "unnamed");
  EXPECT_EQ(record.routes[0].route->upstream_protocol(), "auto");
  EXPECT_THAT(world.Put({settings}).routes, IsEmpty()) << "nothing has changed";
}

TEST(ChangeRules, TheGatewaysIdentityForwardingIsThatOfApisThatHaveNone) {
  World world;
  auto own = ApiResource("own");
  own.mutable_api()->mutable_identity_forwarding()->set_xfcc(::sallyport::v1::XFCC_SANITIZE);
  (void)world.Put({own, ApiResource("none")});
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  auto* forwarding = settings.mutable_settings()->mutable_identity_forwarding();
  (*forwarding->mutable_headers())["X-Id"] = "{identity}";
  (*forwarding->mutable_headers())["X-Team"] = "{key.meta.team}";
  const ChangeRecord record = world.Put({settings});
  ASSERT_EQ(record.routes.size(), 1U);
  EXPECT_EQ(record.routes[0].route->api_id(), "none");
  EXPECT_EQ(record.routes[0].route->identity_forwarding().headers_size(), 2);
  EXPECT_THAT(world.Put({settings}).routes, IsEmpty()) << "nothing has changed";
}

TEST(ChangeRules, InsecureSettingsInForceAreTold) {
  World world;
  ::sallyport::v1::Resource settings;
  settings.set_id("gateway");
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->mutable_upstream_tls()->set_insecure_skip_verify(true);
  const ChangeRecord on = world.Put({settings});
  ASSERT_NE(on.gateway, nullptr);
  EXPECT_THAT(on.gateway->insecure_settings(), ElementsAre("insecure_skip_verify"));
  settings.mutable_settings()->mutable_upstream_tls()->set_force_common_name_check(true);
  EXPECT_EQ(world.Put({settings}).gateway, nullptr) << "nothing insecure came or went";
  settings.mutable_settings()->mutable_upstream_tls()->set_insecure_skip_verify(false);
  const ChangeRecord off = world.Put({settings});
  ASSERT_NE(off.gateway, nullptr);
  EXPECT_TRUE(off.gateway->insecure_settings().empty());

  auto api = ApiResource("a1");
  api.mutable_api()->set_keyless(true);
  api.mutable_api()->set_allow_plain_http(true);
  (*api.mutable_api()->mutable_upstream()->mutable_pins()->mutable_pins())["*"].add_certificate_ids(
      "orgp");
  api.mutable_api()->mutable_upstream()->mutable_pins()->set_report_only(true);
  const ChangeRecord record = world.Put({api});
  ASSERT_EQ(record.routes.size(), 1U);
  EXPECT_THAT(record.routes[0].route->insecure_settings(),
              ElementsAre("pins are report-only", "keyless: callers are not authenticated",
                          "allow_plain_http"));
}

}  // namespace
}  // namespace sallyport::authsvc
