// Static mTLS: what an allowlist admits and, mostly, what it does not.
#include "tests/unit/authsvc/decide/asking.h"

namespace sallyport::authsvc {
namespace {

using testing::CertBuilder;
using ::testing::HasSubstr;
using testing::KeyType;
using testing::TestCert;
using testing::TestNow;

TEST(StaticMtls, AdmitsAnExactlyListedLeafAndNoOther) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").Uri("spiffe://corp/alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=alice").Uri("spiffe://corp/alice").SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  const v1::Decision allowed = Ask(world, Asked({&alice}));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.identity().name(), "spiffe://corp/alice");
  EXPECT_TRUE(allowed.identity().certificate_verified());
  EXPECT_REFUSED(Ask(world, Asked({&mallory})), kCertNotAllowed);
  EXPECT_REFUSED(Ask(world, Asked({})), kCertRequired);
}

TEST(StaticMtls, AdmitsByBarePublicKey) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert renewed = CertBuilder("CN=alice,O=renewed").Key(alice.key).SelfSign();
  const TestCert expired = CertBuilder("CN=alice").Key(alice.key).Expired().SelfSign();
  world.Put(StaticApi({world.AddPublicKey(alice)}));
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  EXPECT_ALLOWED(Ask(world, Asked({&renewed})));
  EXPECT_REFUSED(Ask(world, Asked({&expired})), kCertExpired);
}

TEST(StaticMtls, AdmitsWhatAListedRootIssued) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(middle);
  const TestCert other_root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert stranger = CertBuilder("CN=alice").SignBy(other_root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  const v1::Decision allowed = Ask(world, Asked({&leaf, &middle}));
  EXPECT_ALLOWED(allowed);
  EXPECT_TRUE(HasTag(allowed, absl::StrCat("cert:", IdOf(root))));
  EXPECT_REFUSED(Ask(world, Asked({&leaf})), kCertUntrusted);  // no path without the intermediate
  const v1::Decision refused = Ask(world, Asked({&stranger, &other_root}));
  EXPECT_NE(ReasonOf(refused), Reason::kAllowed);
  EXPECT_NE(refused.failure().x509_error(), 0);
}

TEST(StaticMtls, AdmitsByAListedIntermediateAlone) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(middle);
  const TestCert of_root = CertBuilder("CN=bob").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(middle)}));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf})));
  EXPECT_REFUSED(Ask(world, Asked({&of_root, &root})), kCertUntrusted);
}

TEST(StaticMtls, ExactCaAdmitsItselfOnly) {
  World world;
  const TestCert own = CertBuilder("CN=self").LikeOpensslReq().SelfSign();
  const TestCert issued = CertBuilder("CN=mallory").SignBy(own);
  v1::Api api = StaticApi({world.AddCertificate(own)});
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, Asked({&own})));
  EXPECT_ALLOWED(Ask(world, Asked({&issued})));  // CA:TRUE admits what it issues, too
  api.mutable_client_tls()->mutable_allowlist(0)->set_exact(true);
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, Asked({&own})));
  EXPECT_REFUSED(Ask(world, Asked({&issued, &own})), kCertNotAllowed);
}

TEST(StaticMtls, RefusalsHaveTheirOwnReasons) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  world.Put(StaticApi({world.AddCertificate(root)}));
  const struct {
    TestCert leaf;
    Reason reason;
  } cases[] = {
      {CertBuilder("CN=a").Expired().SignBy(root), Reason::kCertExpired},
      {CertBuilder("CN=a").NotYetValid().SignBy(root), Reason::kCertNotYetValid},
      {CertBuilder("CN=a").ServerAuth().SignBy(root), Reason::kCertWrongUsage},
      {CertBuilder("CN=a").Key(KeyType::kRsa1024).SignBy(root), Reason::kCertWeakKey},
      {testing::WithBrokenSignature(CertBuilder("CN=a").SignBy(root)), Reason::kCertBadSignature},
      {CertBuilder("CN=a").SelfSign(), Reason::kCertUntrusted},
  };
  for (const auto& c : cases) {
    const v1::Decision refused = Ask(world, Asked({&c.leaf}));
    EXPECT_EQ(base::ReasonName(ReasonOf(refused)), base::ReasonName(c.reason));
    EXPECT_EQ(refused.failure().reason(), static_cast<uint32_t>(c.reason));
    EXPECT_NE(refused.failure().x509_error(), 0) << base::ReasonName(c.reason);
    EXPECT_FALSE(refused.detail().empty());
    EXPECT_FALSE(refused.has_grants());
  }
}

TEST(StaticMtls, ExactlyListedLeafIsStillChecked) {
  World world;
  const TestCert expired = CertBuilder("CN=a").Expired().SelfSign();
  const TestCert server = CertBuilder("CN=b").ServerAuth().SelfSign();
  const TestCert weak = CertBuilder("CN=c").Key(KeyType::kRsa1024).SelfSign();
  world.Put(StaticApi(
      {world.AddCertificate(expired), world.AddCertificate(server), world.AddCertificate(weak)}));
  EXPECT_REFUSED(Ask(world, Asked({&expired})), kCertExpired);
  EXPECT_REFUSED(Ask(world, Asked({&server})), kCertWrongUsage);
  EXPECT_REFUSED(Ask(world, Asked({&weak})), kCertWeakKey);
}

TEST(StaticMtls, GatewayListCountsAsWell) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert bob = CertBuilder("CN=bob").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(alice)}));
  v1::GatewaySettings settings;
  settings.add_client_allowlist()->set_certificate_id(world.AddCertificate(root, {.org = ""}));
  world.Put(settings);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  EXPECT_ALLOWED(Ask(world, Asked({&bob})));
}

TEST(StaticMtls, AnEmptyListAdmitsNobody) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({}));
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertNotAllowed);
  EXPECT_REFUSED(Ask(world, Asked({})), kCertRequired);
}

TEST(StaticMtls, APendingEntryAdmitsNobodyUntilItComes) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({IdOf(alice)}));
  const v1::Decision refused = Ask(world, Asked({&alice}));
  EXPECT_REFUSED(refused, kCertNotAllowed);
  EXPECT_TRUE(HasTag(refused, absl::StrCat("cert:", IdOf(alice))));
  world.AddCertificate(alice);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  world.Erase(Kind::kCertificate, IdOf(alice));
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kCertNotAllowed);
}

TEST(StaticMtls, OptionalTakesNoneButNotABadOne) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  const TestCert mallory = CertBuilder("CN=mallory").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
  api.set_keyless(false);
  api.mutable_token()->set_enabled(true);
  world.Put(api);
  world.Put(TokenKey("secret"));
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({}), "secret")));
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({&alice}), "secret")));
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&mallory}), "secret")), kCertNotAllowed);
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kTokenRequired);
  EXPECT_REFUSED(Ask(world, Asked({})), kTokenRequired);
}

TEST(StaticMtls, OptionalAndNothingElseStillNeedsTheCertificate) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_OPTIONAL);
  api.set_keyless(false);
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, Asked({&alice})));
  EXPECT_REFUSED(Ask(world, Asked({})), kCertRequired);
}

TEST(StaticMtls, StaticAndTokenMustBothPass) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(alice)});
  api.set_keyless(false);
  api.mutable_token()->set_enabled(true);
  world.Put(api);
  world.Put(TokenKey("secret"));
  EXPECT_ALLOWED(Ask(world, WithToken(Asked({&alice}), "secret")));
  EXPECT_REFUSED(Ask(world, Asked({&alice})), kTokenRequired);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({&alice}), "wrong")), kTokenUnknown);
  EXPECT_REFUSED(Ask(world, WithToken(Asked({}), "secret")), kCertRequired);
}

TEST(StaticMtls, RevokedLeafAndIssuerAreRefused) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").Serial(77).SignBy(middle);
  world.Put(StaticApi({world.AddCertificate(root)}));
  EXPECT_ALLOWED(Ask(world, Asked({&leaf, &middle})));
  v1::GatewaySettings settings;
  settings.add_revoked()->set_tbs_sha256(leaf.cert->tbs_sha256);
  world.Put(settings);
  EXPECT_REFUSED(Ask(world, Asked({&leaf, &middle})), kCertRevoked);
  // The owner of an ECDSA certificate can change its fingerprint, not what was signed.
  const TestCert malleated = testing::WithMalleatedSignature(leaf);
  EXPECT_REFUSED(Ask(world, Asked({&malleated, &middle})), kCertRevoked);
  v1::GatewaySettings issuer;
  issuer.add_revoked()->set_spki_sha256(middle.cert->spki_sha256);
  world.Put(issuer);
  EXPECT_NE(ReasonOf(Ask(world, Asked({&leaf, &middle}))), Reason::kAllowed);
}

TEST(StaticMtls, DepthIsBounded) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert lower = CertBuilder("CN=Lower").Ca().SignBy(middle);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(lower);
  v1::Api api = StaticApi({world.AddCertificate(root)});
  world.Put(api);
  EXPECT_ALLOWED(Ask(world, Asked({&leaf, &lower, &middle})));
  api.mutable_client_tls()->set_max_depth(1);
  world.Put(api);
  EXPECT_REFUSED(Ask(world, Asked({&leaf, &lower, &middle})), kCertPathTooLong);
}

TEST(StaticMtls, LifeTimeEndsWithTheFirstCertificateOfThePath) {
  World world;
  const absl::Time soon = TestNow() + absl::Seconds(20);
  const TestCert root =
      CertBuilder("CN=Root").Ca().Valid(TestNow() - absl::Hours(1), soon).SelfSign();
  const TestCert leaf = CertBuilder("CN=alice").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  const v1::Decision allowed = Ask(world, Asked({&leaf}));
  EXPECT_ALLOWED(allowed);
  EXPECT_EQ(allowed.ttl_ms(), 20000);
  EXPECT_EQ(allowed.hard_expiry_unix_ms(), absl::ToUnixMillis(soon));
  EXPECT_REFUSED(Ask(world, Asked({&leaf}), soon + absl::Seconds(1)), kCertExpired);
}

TEST(StaticMtls, TheVerifiedPathIsToldWhereTheUpstreamIsToldOfIt) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert middle = CertBuilder("CN=Middle").Ca().SignBy(root);
  const TestCert leaf = CertBuilder("CN=alice").SignBy(middle);
  const TestCert sent_along = CertBuilder("CN=Root").Ca().SelfSign();
  v1::Api api = StaticApi({world.AddCertificate(root)});
  world.Put(api);
  const v1::AuthorizeRequest request = Asked({&leaf, &sent_along, &middle});
  EXPECT_TRUE(Ask(world, request).identity().path_der().empty());
  api.mutable_identity_forwarding()->set_client_cert_chain(true);
  world.Put(api);
  EXPECT_THAT(Ask(world, request).identity().path_der(),
              ::testing::ElementsAre(middle.der, root.der));
  api.clear_identity_forwarding();
  world.Put(api);
  v1::GatewaySettings settings;
  settings.mutable_identity_forwarding()->add_xfcc_fields("chain");
  world.Put(settings);
  EXPECT_EQ(Ask(world, request).identity().path_der_size(), 2);
}

TEST(StaticMtls, CertificateFromAHeaderCountsOnlyFromATrustedProxy) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  v1::AuthorizeRequest request = Asked({&alice});
  request.set_proof(v1::PROOF_HEADER);
  EXPECT_REFUSED(Ask(world, request), kCertHeaderInvalid);
  request.set_proxy("10.0.0.1");
  EXPECT_REFUSED(Ask(world, request), kCertHeaderInvalid);  // no proxy is trusted at all
  v1::GatewaySettings settings;
  settings.add_trusted_proxies("10.0.0.0/8");
  world.Put(settings);
  EXPECT_ALLOWED(Ask(world, request));
  request.clear_proxy();
  EXPECT_REFUSED(Ask(world, request), kCertHeaderInvalid);
  request.set_proxy("10.0.0.1");
  request.set_tls(false);
  EXPECT_REFUSED(Ask(world, request), kTlsRequired);
}

TEST(StaticMtls, ChainWithoutProofIsRefused) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  v1::AuthorizeRequest request = Asked({&alice});
  request.set_proof(v1::PROOF_NONE);
  EXPECT_REFUSED(Ask(world, request), kCertMalformed);
  request.set_proof(static_cast<v1::Proof>(9));
  EXPECT_REFUSED(Ask(world, request), kCertMalformed);
}

TEST(StaticMtls, MalformedChainsAreRefused) {
  World world;
  const TestCert alice = CertBuilder("CN=alice").SelfSign();
  world.Put(StaticApi({world.AddCertificate(alice)}));
  v1::AuthorizeRequest request = Asked({&alice});
  request.set_chain_der(0, "not a certificate");
  EXPECT_REFUSED(Ask(world, request), kCertMalformed);
  request.set_chain_der(0, alice.der + "x");
  EXPECT_REFUSED(Ask(world, request), kCertMalformed);
  request.set_chain_der(0, alice.der);
  request.add_chain_der("garbage behind the leaf changes nothing");
  EXPECT_ALLOWED(Ask(world, request));
  for (int i = 0; i < 7; ++i) request.add_chain_der(alice.der);
  EXPECT_REFUSED(Ask(world, request), kCertMalformed);
}

TEST(StaticMtls, AWildcardNameIsNoIdentity) {
  World world;
  const TestCert root = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert both =
      CertBuilder("CN=s").Dns("*.corp.example").Dns("a.corp.example").SignBy(root);
  const TestCert wildcard = CertBuilder("CN=s").Dns("*.corp.example").SignBy(root);
  world.Put(StaticApi({world.AddCertificate(root)}));
  EXPECT_EQ(Ask(world, Asked({&both})).identity().name(), "a.corp.example");
  EXPECT_EQ(Ask(world, Asked({&wildcard})).identity().name(), "CN=s");
}

}  // namespace
}  // namespace sallyport::authsvc
