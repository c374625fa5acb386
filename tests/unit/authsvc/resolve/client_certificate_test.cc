// Which client certificate is presented to which upstream (DESIGN 7, reference tyk.md §5).
#include "gmock/gmock.h"
#include "tests/unit/authsvc/resolve/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::HasSubstr;
using testing::TestCert;
using testing::TestNow;

using ClientCertificate = UpstreamTest;

// Refused when written; a stored one fails closed.
TEST_F(ClientCertificate, WhatBelongsToAnotherOrganisationIsNeverUsed) {
  const std::string foreign = Pair("foreign", "elsewhere");
  (*certificates().mutable_certificate_ids())["*"] = foreign;
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));

  certificates().Clear();
  (*pins().mutable_pins())["*"].add_certificate_ids(foreign);
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));

  pins().Clear();
  v1::TrustBundle bundle;
  bundle.set_id("b");
  bundle.set_org_id("elsewhere");
  bundle.add_certificate_ids(foreign);
  world_.Put(bundle);
  api_.mutable_upstream()->mutable_tls()->add_trust_bundle_ids("b");
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));

  // What belongs to none is for all.
  api_.mutable_upstream()->clear_tls();
  const std::string shared = Pair("shared", "");
  (*certificates().mutable_certificate_ids())["*"] = shared;
  PutApi();
  EXPECT_EQ(Resolve(world_, "a.example").certificate_id(), shared);
}

// Who writes another's public certificate into a Secret of his own does not get that one's key.
TEST_F(ClientCertificate, ASecretGivesOnlyThePrivateKeyThatItBrought) {
  const std::string stored = Pair("theirs");
  v1::Resource secret;
  secret.set_id("mine/copy");
  secret.mutable_secret()->set_id("mine/copy");
  secret.mutable_secret()->set_org_id(std::string(kOrg));
  auto& ids = *secret.mutable_secret()->mutable_certificate_ids();
  ids["tls.crt"] = stored;
  ids["other.pem"] = stored;
  world_.Put(secret);
  for (const char* const key : {"tls.crt", "other.pem"}) {
    (*certificates().mutable_certificate_ids())["*"] = absl::StrCat("name:secret/mine/copy/", key);
    PutApi();
    EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));
  }
  ids["tls.key"] = Pair("another");
  world_.Put(secret);
  EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));
  ids["tls.key"] = stored;
  world_.Put(secret);
  EXPECT_EQ(Resolve(world_, "a.example").certificate_id(), stored);
}

TEST_F(ClientCertificate, AConfigMapGivesNoPrivateKey) {
  const std::string stored = Pair("theirs");
  v1::Resource map;
  map.set_id("mine/copy");
  map.mutable_config_map()->set_id("mine/copy");
  map.mutable_config_map()->set_org_id(std::string(kOrg));
  auto& ids = *map.mutable_config_map()->mutable_certificate_ids();
  ids["ca.crt"] = ids["tls.key"] = stored;
  world_.Put(map);
  (*certificates().mutable_certificate_ids())["*"] = "name:configmap/mine/copy/ca.crt";
  PutApi();
  EXPECT_UNAVAILABLE(Resolve(world_, "a.example"));
}

TEST_F(ClientCertificate, ApiSpecificApiDefaultGatewaySpecificGatewayDefault) {
  const std::string specific = Pair("a");
  const std::string fallback = Pair("b");
  const std::string gateway_specific = Pair("c", "");
  const std::string gateway_default = Pair("d", "");
  v1::GatewaySettings settings;
  auto& gateway = *settings.mutable_upstream_certificates()->mutable_certificate_ids();
  gateway["h.example"] = gateway_specific;
  gateway["*"] = gateway_default;
  world_.Put(settings);
  auto& own = *certificates().mutable_certificate_ids();
  own["h.example"] = specific;
  own["*"] = fallback;
  PutApi();
  EXPECT_EQ(Resolve(world_, "h.example").certificate_id(), specific);
  EXPECT_EQ(Resolve(world_, "other.example").certificate_id(), fallback);
  own.erase("h.example");
  PutApi();
  EXPECT_EQ(Resolve(world_, "h.example").certificate_id(),
            fallback);  // API default beats gateway specific
  own.clear();
  PutApi();
  EXPECT_EQ(Resolve(world_, "h.example").certificate_id(), gateway_specific);
  EXPECT_EQ(Resolve(world_, "other.example").certificate_id(), gateway_default);
  gateway.erase("*");
  world_.Put(settings);
  const v1::ResolveUpstreamResponse none = Resolve(world_, "other.example");
  EXPECT_EQ(none.reason(), 0U);
  EXPECT_EQ(none.certificate_id(), "");
}

TEST_F(ClientCertificate, DisabledFlagsRemoveTheirOwnMapOnly) {
  const std::string own = Pair("a");
  const std::string gateway = Pair("b", "");
  (*certificates().mutable_certificate_ids())["*"] = own;
  v1::GatewaySettings settings;
  (*settings.mutable_upstream_certificates()->mutable_certificate_ids())["*"] = gateway;
  world_.Put(settings);
  PutApi();
  EXPECT_EQ(Resolve(world_, "h").certificate_id(), own);
  certificates().set_disabled(true);
  PutApi();
  EXPECT_EQ(Resolve(world_, "h").certificate_id(), gateway);
  settings.mutable_upstream_certificates()->set_disabled(true);
  world_.Put(settings);
  const v1::ResolveUpstreamResponse none = Resolve(world_, "h");
  EXPECT_EQ(none.reason(), 0U);
  EXPECT_EQ(none.certificate_id(), "");
}

TEST_F(ClientCertificate, ChainAndKeyAreHandedOutInFull) {
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=client").SignBy(root);
  const std::string id = world_.AddCertificate(leaf, {.with_key = true, .rest = {&root}});
  (*certificates().mutable_certificate_ids())["h"] = id;
  PutApi();
  const v1::ResolveUpstreamResponse answer = Resolve(world_, "h");
  ASSERT_EQ(answer.client_chain_der_size(), 2);
  EXPECT_EQ(answer.client_chain_der(0), leaf.der);
  EXPECT_EQ(answer.client_chain_der(1), root.der);
  EXPECT_EQ(answer.client_key_der(), "key of " + id);
  EXPECT_EQ(answer.ttl_ms(), 60000);
  EXPECT_EQ(answer.hard_expiry_unix_ms(), absl::ToUnixMillis(leaf.cert->not_after));
  for (const std::string& tag : {std::string("api:api1"), std::string("settings"), "cert:" + id}) {
    EXPECT_NE(std::find(answer.tags().begin(), answer.tags().end(), tag), answer.tags().end())
        << tag;
  }
}

TEST_F(ClientCertificate, KeyStaysHereForOtherRoles) {
  (*certificates().mutable_certificate_ids())["*"] = Pair("a");
  PutApi();
  const ResolveScope scope{std::nullopt, false};
  const auto answer =
      ResolveUpstream(world_.snapshot(), UpstreamOf("h"), TestNow(), OpenForTest, scope);
  EXPECT_EQ(answer.reason(), 0U);
  EXPECT_FALSE(answer.certificate_id().empty());
  EXPECT_TRUE(answer.client_key_der().empty());
}

TEST_F(ClientCertificate, WhatCannotBeUsedFailsClosed) {
  const TestCert expired = CertBuilder("CN=old").Expired().SelfSign();
  const TestCert early = CertBuilder("CN=new").NotYetValid().SelfSign();
  const TestCert public_only = CertBuilder("CN=public").SelfSign();
  const std::string good = Pair("good");
  const std::string bare = world_.AddPublicKey(public_only);
  const std::string cases[] = {
      world_.AddCertificate(expired, {.with_key = true}),
      world_.AddCertificate(early, {.with_key = true}),
      world_.AddCertificate(public_only),
      bare,
      std::string(kOrg) + std::string(64, 'a'),
      "name:nobody",
      "",
  };
  for (const std::string& id : cases) {
    auto& map = *certificates().mutable_certificate_ids();
    map["h.x"] = id;
    map["*.x"] = good;  // never fallen back to
    map["*"] = good;
    PutApi();
    EXPECT_UNAVAILABLE(Resolve(world_, "h.x"));
    EXPECT_EQ(Resolve(world_, "g.x").certificate_id(), good);
  }
}

TEST_F(ClientCertificate, AKeyThatCannotBeOpenedFailsClosed) {
  (*certificates().mutable_certificate_ids())["*"] = Pair("a");
  PutApi();
  const auto broken = [](const CertificateEntry&) -> absl::StatusOr<base::Secret> {
    return absl::NotFoundError("no such master key");
  };
  EXPECT_UNAVAILABLE(ResolveUpstream(world_.snapshot(), UpstreamOf("h"), TestNow(), broken));
  const auto empty = [](const CertificateEntry&) -> absl::StatusOr<base::Secret> {
    return base::Secret();
  };
  EXPECT_UNAVAILABLE(ResolveUpstream(world_.snapshot(), UpstreamOf("h"), TestNow(), empty));
  EXPECT_UNAVAILABLE(ResolveUpstream(world_.snapshot(), UpstreamOf("h"), TestNow(), nullptr));
}

TEST_F(ClientCertificate, APendingReferenceComesToLife) {
  const TestCert client = CertBuilder("CN=client").SelfSign();
  (*certificates().mutable_certificate_ids())["*"] = "name:client";
  PutApi();
  const v1::ResolveUpstreamResponse refused = Resolve(world_, "h");
  EXPECT_UNAVAILABLE(refused);
  EXPECT_THAT(refused.detail(), HasSubstr("not there yet"));
  EXPECT_NE(std::find(refused.tags().begin(), refused.tags().end(), "cert:name:client"),
            refused.tags().end());
  world_.AddCertificate(client, {.name = "client", .with_key = true});
  EXPECT_EQ(Resolve(world_, "h").certificate_id(), IdOf(client));
}

TEST_F(ClientCertificate, PlainHttpTakesNone) {
  (*certificates().mutable_certificate_ids())["*"] = "name:nobody";
  PutApi();
  v1::ResolveUpstreamRequest request = UpstreamOf("h", 80);
  request.set_tls(false);
  const v1::ResolveUpstreamResponse answer = Resolve(world_, request);
  EXPECT_EQ(answer.reason(), 0U);
  EXPECT_EQ(answer.certificate_id(), "");
}

TEST_F(ClientCertificate, TargetsAreNormalised) {
  const std::string id = Pair("a");
  (*certificates().mutable_certificate_ids())["h.example:443"] = id;
  PutApi();
  EXPECT_EQ(Resolve(world_, "H.Example.", 443).certificate_id(), id);
  EXPECT_EQ(Resolve(world_, "h.example", 0).certificate_id(), id);  // the default of https
  EXPECT_EQ(Resolve(world_, "h.example", 8443).certificate_id(), "");
  EXPECT_UNAVAILABLE(Resolve(world_, "h example"));
  EXPECT_UNAVAILABLE(Resolve(world_, ""));
  EXPECT_UNAVAILABLE(Resolve(world_, "h.example", 65536 + 443));
}

TEST_F(ClientCertificate, ApiMustBeThereActiveAndDeployed) {
  EXPECT_UNAVAILABLE(Resolve(world_, "h"));
  api_.add_groups("edge");
  PutApi();
  EXPECT_EQ(Resolve(world_, "h").reason(), 0U);
  const auto from = [&](absl::string_view group) {
    return ResolveUpstream(world_.snapshot(), UpstreamOf("h"), TestNow(), OpenForTest,
                           ResolveScope{group, true});
  };
  EXPECT_EQ(from("edge").reason(), 0U);
  EXPECT_UNAVAILABLE(from("inner"));
  api_.set_inactive(true);
  PutApi();
  EXPECT_UNAVAILABLE(from("edge"));
}

}  // namespace
}  // namespace sallyport::authsvc
