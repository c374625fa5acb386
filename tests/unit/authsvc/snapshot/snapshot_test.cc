#include "authsvc/snapshot/snapshot.h"

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/certificate_summary.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "authsvc/verify/revocation_list.h"
#include "authsvc/verify/trust_set.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using sallyport::testing::CertBuilder;
using sallyport::testing::TestCert;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

v1::Resource CertificateResource(const std::string& org,
                                 std::initializer_list<const TestCert*> chain,
                                 const std::string& name = "", bool with_key = false) {
  v1::Resource resource;
  auto* certificate = resource.mutable_certificate();
  for (const TestCert* one : chain) certificate->add_chain_der(one->der);
  certificate->set_org_id(org);
  certificate->set_name(name);
  certificate->set_id(crypto::CertificateId(org, *(*chain.begin())->cert));
  if (with_key) certificate->mutable_private_key()->set_ciphertext("sealed");
  EXPECT_TRUE(Summarize(certificate).ok());
  return resource;
}

v1::Resource StaticApi(const std::string& id, std::vector<std::string> allowlist,
                       const std::string& org = "org") {
  v1::Resource resource;
  auto* api = resource.mutable_api();
  api->set_id(id);
  api->set_org_id(org);
  api->set_listen_path("/" + id);
  api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  for (auto& reference : allowlist) {
    api->mutable_client_tls()->add_allowlist()->set_certificate_id(reference);
  }
  return resource;
}

v1::Resource KeyResource(const std::string& id, std::vector<std::string> certificates,
                         const std::string& token = "", const std::string& org = "org") {
  v1::Resource resource;
  auto* key = resource.mutable_key();
  key->set_id(id);
  key->set_org_id(org);
  for (auto& reference : certificates) key->add_certificate_ids(reference);
  if (!token.empty()) key->add_token_sha256(crypto::Sha256(token));
  return resource;
}

class SnapshotTest : public ::testing::Test {
 protected:
  // Applies in one step; `changes_` is what the builder said.
  void Apply(std::vector<v1::Resource> puts,
             std::vector<std::pair<Kind, std::string>> erased = {}) {
    SnapshotBuilder builder(now_);
    for (auto& resource : puts) {
      resource.set_revision(state_.revision + 1);
      const absl::Status status = builder.Put(std::move(resource));
      ASSERT_TRUE(status.ok()) << status;
    }
    for (const auto& [kind, id] : erased) builder.Erase(kind, id);
    ++state_.revision;
    now_ = builder.Finish(state_, &changes_);
  }
  std::vector<std::string> ChangeTexts() const {
    std::vector<std::string> texts;
    for (const auto& change : changes_) {
      texts.push_back(absl::StrCat(KindName(change.kind), " ", change.id,
                                   change.deleted ? " deleted" : "",
                                   change.recompiled ? " recompiled" : ""));
    }
    return texts;
  }
  std::vector<std::string> Users(const std::string& reference, const std::string& org = "org") {
    std::vector<std::string> texts;
    for (const auto& use : now_->WhoUses(org, reference)) {
      texts.push_back(absl::StrCat(KindName(use.kind), " ", use.id, " ", use.how));
    }
    return texts;
  }
  static std::string Id(const TestCert& certificate, const std::string& org = "org") {
    return crypto::CertificateId(org, *certificate.cert);
  }

  void SetUp() override {
    SnapshotBuilder builder(Snapshot::Empty());
    now_ = builder.Finish(state_, nullptr);
  }

  StoreState state_{"store", 1, 0};
  SnapshotPtr now_;
  std::vector<SnapshotChange> changes_;
  const TestCert root_ = CertBuilder("CN=Root").Ca().SelfSign();
  const TestCert alice_ = CertBuilder("CN=alice").SignBy(root_);
  const TestCert bob_ = CertBuilder("CN=bob").SignBy(root_);
};

TEST_F(SnapshotTest, EmptyAnswersNothing) {
  const SnapshotPtr empty = Snapshot::Empty();
  EXPECT_EQ(empty->FindApi("a"), nullptr);
  EXPECT_EQ(empty->FindKeyByToken(crypto::Sha256("x")), nullptr);
  EXPECT_EQ(empty->settings().revision, 0u);
  EXPECT_TRUE(empty->ListKeys(nullptr, "", 10).entries.empty());
  EXPECT_THAT(empty->Pending(10), IsEmpty());
}

TEST_F(SnapshotTest, CertificateByIdAndByStableNameOfItsOrgOnly) {
  Apply({CertificateResource("org", {&alice_, &root_}, "front")});
  const auto* entry = now_->FindCertificate("org", Id(alice_));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(now_->FindCertificate("org", "name:front"), entry);
  EXPECT_EQ(now_->FindCertificate("other", "name:front"), nullptr);
  EXPECT_EQ(now_->FindCertificate("org", "front"), nullptr);
  EXPECT_EQ(now_->FindCertificate("org", "name:"), nullptr);
  EXPECT_EQ(entry->org_id(), "org");
  EXPECT_EQ(DigestBytes(entry->fingerprint), alice_.cert->fingerprint);
  EXPECT_EQ(DigestBytes(entry->spki_sha256), alice_.cert->spki_sha256);
  EXPECT_FALSE(entry->is_ca);
  EXPECT_THAT(entry->ChainDer(), ElementsAre(alice_.der, root_.der));
  EXPECT_EQ((*entry->Chain())[1]->fingerprint, root_.cert->fingerprint);
  EXPECT_FALSE(entry->ExpiredAt(alice_.cert->not_after));
  EXPECT_TRUE(entry->ExpiredAt(alice_.cert->not_after + absl::Seconds(1)));
}

TEST_F(SnapshotTest, AStoredChainIsItsLeafAndNeverItsCa) {
  Apply({CertificateResource("org", {&alice_, &root_}), StaticApi("a", {Id(alice_)})});
  const auto& list = now_->FindApi("a")->allowlist;
  EXPECT_NE(list.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_EQ(list.FindLeaf(root_.cert->fingerprint), nullptr);
  EXPECT_EQ(list.FindPublicKey(alice_.cert->spki_sha256), nullptr);
  EXPECT_EQ(list.trust, nullptr);
}

TEST_F(SnapshotTest, ACaEntryAdmitsItselfAndWhatItIssuesUnlessExact) {
  Apply({CertificateResource("org", {&root_}), StaticApi("a", {Id(root_)}),
         StaticApi("b", {Id(root_)})});
  ASSERT_NE(now_->FindApi("a")->allowlist.trust, nullptr);
  AnchorKind kind{};
  EXPECT_TRUE(now_->FindApi("a")->allowlist.trust->IsAnchor(root_.cert->fingerprint, &kind));
  EXPECT_NE(now_->FindApi("a")->allowlist.FindLeaf(root_.cert->fingerprint), nullptr);
  v1::Resource exact = StaticApi("b", {Id(root_)});
  exact.mutable_api()->mutable_client_tls()->mutable_allowlist(0)->set_exact(true);
  Apply({exact});
  EXPECT_EQ(now_->FindApi("b")->allowlist.trust, nullptr);
  EXPECT_NE(now_->FindApi("b")->allowlist.FindLeaf(root_.cert->fingerprint), nullptr);
}

TEST_F(SnapshotTest, TheRootThatComesWithAnIssuingCaIsNoAnchorButABundleOfCasIs) {
  const TestCert issuing = CertBuilder("CN=Issuing").Ca().SignBy(root_);
  const TestCert other = CertBuilder("CN=Other Root").Ca().SelfSign();
  Apply({CertificateResource("org", {&issuing, &root_, &other}), StaticApi("a", {Id(issuing)})});
  const auto& list = now_->FindApi("a")->allowlist;
  AnchorKind kind{};
  ASSERT_NE(list.trust, nullptr);
  EXPECT_TRUE(list.trust->IsAnchor(issuing.cert->fingerprint, &kind));
  EXPECT_FALSE(list.trust->IsAnchor(root_.cert->fingerprint, &kind));
  EXPECT_TRUE(list.trust->IsAnchor(other.cert->fingerprint, &kind));
  Digest digest;
  ASSERT_TRUE(ToDigest(other.cert->fingerprint, &digest));
  EXPECT_EQ(list.anchor_ids.at(digest), Id(issuing));
}

TEST_F(SnapshotTest, AStoredEntryOfAnotherOrganisationAdmitsNobodyAndIsNamed) {
  const TestCert ca = CertBuilder("CN=ca").Ca().SelfSign();
  const TestCert leaf = CertBuilder("CN=leaf").SelfSign();
  const v1::Resource foreign_ca = CertificateResource("other", {&ca});
  const v1::Resource foreign = CertificateResource("other", {&leaf}, "n");
  const std::string ca_id = foreign_ca.certificate().id();
  const std::string id = foreign.certificate().id();
  Apply({foreign_ca, foreign, StaticApi("a", {id, ca_id, "name:n"}),
         StaticApi("own", {id, ca_id}, "other"), StaticApi("all", {id}, "")});
  const Allowlist& list = now_->FindApi("a")->allowlist;
  EXPECT_FALSE(list.empty) << "a list that admits nobody is not an open door";
  EXPECT_EQ(list.FindLeaf(leaf.cert->fingerprint), nullptr);
  EXPECT_EQ(list.FindLeaf(ca.cert->fingerprint), nullptr);
  EXPECT_EQ(list.trust, nullptr);
  EXPECT_THAT(list.unusable,
              ElementsAre(id + " (of another organisation)", ca_id + " (of another organisation)"));
  EXPECT_THAT(list.pending, ElementsAre("name:n"));
  EXPECT_NE(now_->FindApi("own")->allowlist.FindLeaf(leaf.cert->fingerprint), nullptr);
  EXPECT_NE(now_->FindApi("own")->allowlist.trust, nullptr);
  EXPECT_NE(now_->FindApi("all")->allowlist.FindLeaf(leaf.cert->fingerprint), nullptr);
}

TEST_F(SnapshotTest, APendingEntryAdmitsNobodyUntilItComesAndAgainWhenItGoes) {
  Apply({StaticApi("a", {Id(alice_), "name:later"})});
  EXPECT_THAT(now_->FindApi("a")->allowlist.pending, ElementsAre(Id(alice_), "name:later"));
  EXPECT_FALSE(now_->FindApi("a")->allowlist.empty);
  EXPECT_EQ(now_->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->Pending(10).size(), 2u);

  Apply({CertificateResource("org", {&alice_})});
  EXPECT_THAT(ChangeTexts(), UnorderedElementsAre("Certificate " + Id(alice_), "Api a recompiled"));
  EXPECT_NE(now_->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_THAT(now_->Pending(10), ElementsAre("Api a: allowlist: name:later"));

  Apply({CertificateResource("org", {&bob_}, "later")});
  EXPECT_NE(now_->FindApi("a")->allowlist.FindLeaf(bob_.cert->fingerprint), nullptr);
  EXPECT_THAT(now_->Pending(10), IsEmpty());

  const SnapshotPtr old = now_;
  Apply({}, {{Kind::kCertificate, Id(alice_)}});
  EXPECT_EQ(now_->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_NE(old->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_THAT(now_->Pending(10), ElementsAre("Api a: allowlist: " + Id(alice_)));
  EXPECT_THAT(old->Pending(10), IsEmpty());
}

TEST_F(SnapshotTest, AMovedNameRecompilesWhoUsesIt) {
  Apply({CertificateResource("org", {&alice_}, "client"), StaticApi("a", {"name:client"}),
         StaticApi("b", {Id(alice_)}), StaticApi("c", {"name:client"}, "other")});
  EXPECT_NE(now_->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_THAT(now_->FindApi("c")->allowlist.pending, ElementsAre("name:client"))
      << "a name belongs to its org";
  Apply({CertificateResource("org", {&bob_}, "client"), CertificateResource("org", {&alice_})});
  EXPECT_THAT(ChangeTexts(), UnorderedElementsAre("Certificate " + Id(alice_),
                                                  "Certificate " + Id(bob_), "Api a recompiled"));
  EXPECT_EQ(now_->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_NE(now_->FindApi("a")->allowlist.FindLeaf(bob_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->FindCertificate("org", "name:client")->id, Id(bob_));
}

TEST_F(SnapshotTest, KeyByLeafWithinItsOrgOnly) {
  Apply({CertificateResource("org", {&alice_}), CertificateResource("other", {&alice_}),
         KeyResource("k", {Id(alice_), Id(bob_)}),
         KeyResource("l", {Id(alice_, "other")}, "", "other")});
  EXPECT_EQ(now_->FindKeyByLeaf("org", alice_.cert->fingerprint)->key.id(), "k");
  EXPECT_EQ(now_->FindKeyByLeaf("other", alice_.cert->fingerprint)->key.id(), "l");
  EXPECT_EQ(now_->FindKeyByLeaf("", alice_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->FindKeyByLeaf("org", root_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->FindKeyByLeaf("org", "short"), nullptr);
  EXPECT_EQ(now_->FindKeyByLeaf("org", bob_.cert->fingerprint), nullptr)
      << "a certificate that is not in the store lets nobody in";
  Digest bob;
  ASSERT_TRUE(ToDigest(bob_.cert->fingerprint, &bob));
  EXPECT_EQ(now_->FindKeyNamingLeaf("org", bob)->key.id(), "k");
}

TEST_F(SnapshotTest, ACertificateOfAnotherOrgIsNoCredentialOfAKey) {
  Apply({CertificateResource("other", {&alice_}), KeyResource("k", {Id(alice_, "other")})});
  EXPECT_EQ(now_->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->FindKeyByLeaf("other", alice_.cert->fingerprint), nullptr);
}

TEST_F(SnapshotTest, DeletingTheCertificateCutsItsKeyOff) {
  Apply({CertificateResource("org", {&alice_}), KeyResource("k", {Id(alice_)})});
  Apply({}, {{Kind::kCertificate, Id(alice_)}});
  EXPECT_EQ(now_->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_THAT(Users(Id(alice_)), ElementsAre("Key k key"));
}

TEST_F(SnapshotTest, AReplacedKeyForgetsItsOldLeavesAndTokens) {
  Apply({CertificateResource("org", {&alice_}), CertificateResource("org", {&bob_}),
         KeyResource("k", {Id(alice_)}, "old")});
  Apply({KeyResource("k", {Id(bob_)}, "new")});
  EXPECT_EQ(now_->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_NE(now_->FindKeyByLeaf("org", bob_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->FindKeyByToken(crypto::Sha256("old")), nullptr);
  EXPECT_NE(now_->FindKeyByToken(crypto::Sha256("new")), nullptr);
  EXPECT_EQ(now_->FindKeyByToken("new"), nullptr);
  Apply({}, {{Kind::kKey, "k"}});
  EXPECT_EQ(now_->FindKeyByToken(crypto::Sha256("new")), nullptr);
  EXPECT_EQ(now_->FindKeyByLeaf("org", bob_.cert->fingerprint), nullptr);
  EXPECT_EQ(now_->Count(Kind::kKey), 0u);
}

TEST_F(SnapshotTest, AKeyFollowsAStableName) {
  Apply({CertificateResource("org", {&alice_}, "n"), KeyResource("k", {"name:n"})});
  EXPECT_NE(now_->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_THAT(Users(Id(alice_)), ElementsAre("Key k key"));
  Apply({CertificateResource("org", {&bob_}, "n"), CertificateResource("org", {&alice_})});
  EXPECT_EQ(now_->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_NE(now_->FindKeyByLeaf("org", bob_.cert->fingerprint), nullptr);
}

TEST_F(SnapshotTest, ABarePublicKeyIsListedByItsSpki) {
  v1::Resource resource;
  auto* certificate = resource.mutable_certificate();
  certificate->set_public_key_der(alice_.PublicDer());
  certificate->set_org_id("org");
  certificate->set_id(crypto::PublicKeyId("org", alice_.PublicDer()));
  const std::string id = certificate->id();
  Apply({resource, StaticApi("a", {id})});
  const auto& list = now_->FindApi("a")->allowlist;
  ASSERT_NE(list.FindPublicKey(alice_.cert->spki_sha256), nullptr);
  EXPECT_TRUE(list.FindPublicKey(alice_.cert->spki_sha256)->public_key);
  EXPECT_TRUE(list.leaves.empty());
  EXPECT_FALSE(now_->FindCertificateById(id)->ExpiredAt(absl::InfiniteFuture()));
  EXPECT_TRUE(now_->FindCertificateById(id)->Chain()->empty());
}

TEST_F(SnapshotTest, WhoUsesNamesEveryWay) {
  v1::Resource api = StaticApi("a", {Id(alice_)});
  auto* upstream = api.mutable_api()->mutable_upstream();
  (*upstream->mutable_client_certificates()->mutable_certificate_ids())["*"] = Id(alice_);
  (*upstream->mutable_pins()->mutable_pins())["h"].add_certificate_ids("name:n");
  api.mutable_api()->add_server_certificate_ids(Id(alice_));
  v1::Resource key = KeyResource("k", {});
  key.mutable_key()->add_bound_certificate_ids(Id(alice_));
  v1::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("t");
  bundle.mutable_trust_bundle()->add_certificate_ids(Id(alice_));
  v1::Resource settings;
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_client_allowlist()->set_certificate_id(Id(alice_));
  settings.mutable_settings()->add_control_allowlist()->set_certificate_id(Id(alice_));
  v1::Resource listener;
  listener.mutable_listener()->set_id("l");
  listener.mutable_listener()->set_default_certificate_id(Id(alice_));
  Apply({api, key, bundle, settings, listener, CertificateResource("org", {&alice_}, "n")});
  EXPECT_THAT(Users(Id(alice_)), UnorderedElementsAre("Api a allowlist", "Api a client certificate",
                                                      "Api a pin", "Api a server certificate",
                                                      "Key k binding", "TrustBundle t trust bundle",
                                                      "GatewaySettings gateway gateway allowlist",
                                                      "GatewaySettings gateway control allowlist",
                                                      "Listener l listener certificate"));
  EXPECT_THAT(Users("name:n"), ElementsAre("Api a pin"));
  Apply({StaticApi("a", {})}, {{Kind::kKey, "k"},
                               {Kind::kTrustBundle, "t"},
                               {Kind::kSettings, "gateway"},
                               {Kind::kListener, "l"}});
  EXPECT_THAT(Users(Id(alice_)), IsEmpty());
  EXPECT_EQ(now_->settings().revision, 0u);
  EXPECT_TRUE(now_->settings().client_allowlist.empty);
}

TEST_F(SnapshotTest, ServerCertificatesByNameOnlyWithAPrivateKey) {
  const TestCert server =
      CertBuilder("CN=x").Dns("api.example").Dns("*.Example").ServerAuth().SignBy(root_);
  v1::Resource api = StaticApi("a", {});
  api.mutable_api()->add_server_certificate_ids("name:tls");
  Apply({api, CertificateResource("org", {&server}, "tls")});
  EXPECT_THAT(now_->ServerCertificates("api.example"), IsEmpty());
  Apply({CertificateResource("org", {&server}, "tls", true)});
  ASSERT_EQ(now_->ServerCertificates("api.example").size(), 1u);
  EXPECT_EQ(now_->ServerCertificates("*.example")[0].api_id, "a");
  EXPECT_THAT(now_->ServerCertificates("example"), IsEmpty());
  EXPECT_THAT(now_->FindApi("a")->server_names, ElementsAre("*.example", "api.example"));
  Apply({}, {{Kind::kApi, "a"}});
  EXPECT_THAT(now_->ServerCertificates("api.example"), IsEmpty());
}

TEST_F(SnapshotTest, AStoredMapThatDoesNotCompileFailsClosedForEveryHost) {
  v1::Resource api = StaticApi("a", {});
  auto* upstream = api.mutable_api()->mutable_upstream();
  (*upstream->mutable_client_certificates()->mutable_certificate_ids())["https://x/"] = Id(alice_);
  (*upstream->mutable_pins()->mutable_pins())["api-*.x"].add_certificate_ids(Id(alice_));
  Apply({api, CertificateResource("org", {&alice_})});
  const auto* entry = now_->FindApi("a");
  const auto match = entry->client_certificates.Find("any.host", 443);
  ASSERT_TRUE(match);
  EXPECT_EQ(now_->FindCertificate("org", *match.value), nullptr);
  ASSERT_TRUE(entry->pins.Find("any.host", 443));
  EXPECT_TRUE(entry->pins.Find("any.host", 443).value->certificate_ids().empty());
}

TEST_F(SnapshotTest, PagesByOrgInOrderAndAcrossSnapshots) {
  std::vector<v1::Resource> keys;
  for (int i = 0; i < 250; ++i) {
    keys.push_back(KeyResource(absl::StrCat("k", 1000 + i), {}, "", i % 2 == 0 ? "even" : "odd"));
  }
  Apply(keys);
  const std::string even = "even";
  std::vector<std::string> seen;
  std::string token;
  do {
    const auto page = now_->ListKeys(&even, token, 7);
    for (const auto* entry : page.entries) seen.push_back(entry->key.id());
    token = page.next;
    // What is behind the token is found in a newer snapshot too.
    if (seen.size() == 14) Apply({}, {{Kind::kKey, seen.back()}});
  } while (!token.empty());
  ASSERT_EQ(seen.size(), 125u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(now_->ListKeys(nullptr, "", 1000).entries.size(), 249u);
  EXPECT_EQ(now_->ListKeys(nullptr, "not a token", 5).entries.size(), 5u);
  const std::string nobody = "nobody";
  EXPECT_TRUE(now_->ListKeys(&nobody, "", 5).entries.empty());
}

TEST_F(SnapshotTest, ExpiringSoonestFirst) {
  const auto at = [](int64_t unix) { return absl::FromUnixSeconds(unix); };
  const TestCert soon =
      CertBuilder("CN=soon").Valid(at(1'000'000'000), at(1'900'000'000)).SelfSign();
  const TestCert sooner =
      CertBuilder("CN=sooner").Valid(at(1'000'000'000), at(1'800'000'000)).SelfSign();
  Apply({CertificateResource("org", {&soon}), CertificateResource("org", {&sooner}),
         CertificateResource("org", {&root_})});
  const auto found = now_->ExpiringBefore(at(1'950'000'000), 10);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0]->id, Id(sooner));
  Apply({}, {{Kind::kCertificate, Id(sooner)}});
  EXPECT_EQ(now_->ExpiringBefore(at(1'950'000'000), 10).size(), 1u);
}

TEST_F(SnapshotTest, AResourceShowsNoSecret) {
  Apply({CertificateResource("org", {&alice_}, "", true), KeyResource("k", {Id(alice_)}, "token")});
  v1::Resource shown;
  ASSERT_TRUE(now_->ToResource(Kind::kCertificate, Id(alice_), &shown));
  EXPECT_FALSE(shown.certificate().has_private_key());
  EXPECT_EQ(shown.certificate().chain_der(0), alice_.der);
  ASSERT_TRUE(now_->ToResource(Kind::kKey, "k", &shown));
  EXPECT_TRUE(shown.key().token_sha256().empty());
  EXPECT_FALSE(now_->ToResource(Kind::kKey, "missing", &shown));
  EXPECT_FALSE(now_->ToResource(Kind::kSettings, "gateway", &shown));
}

TEST_F(SnapshotTest, RefusesWhatCannotBeStored) {
  SnapshotBuilder builder(now_);
  EXPECT_FALSE(builder.Put(v1::Resource()).ok());
  v1::Resource odd = CertificateResource("org", {&alice_});
  odd.mutable_certificate()->set_id("org-no-hash");
  EXPECT_FALSE(builder.Put(odd).ok());
  v1::Resource broken;
  broken.mutable_certificate()->set_id(Id(alice_));
  broken.mutable_certificate()->add_chain_der("not DER");
  EXPECT_FALSE(builder.Put(broken).ok());
  EXPECT_FALSE(builder.PutSerialized("\xff\xff\xff", 1).ok());
}

TEST_F(SnapshotTest, TheDenyListIsCompiled) {
  v1::Resource settings;
  settings.mutable_settings()->set_id("gateway");
  settings.mutable_settings()->add_revoked()->set_tbs_sha256(alice_.cert->tbs_sha256);
  Apply({settings});
  ASSERT_NE(now_->settings().revocation, nullptr);
  EXPECT_FALSE(now_->settings().revocation->DeniedBy(*alice_.cert).empty());
  EXPECT_TRUE(now_->settings().revocation->DeniedBy(*bob_.cert).empty());
}

// Incremental building must come to the same as loading everything at once.
TEST_F(SnapshotTest, StepByStepIsTheSameAsAllAtOnce) {
  const std::vector<v1::Resource> all = {
      CertificateResource("org", {&root_}, "ca"), CertificateResource("org", {&alice_}, "n"),
      StaticApi("a", {"name:ca", Id(bob_)}), KeyResource("k", {"name:n", Id(bob_)}, "t"),
      CertificateResource("org", {&bob_})};
  SnapshotBuilder builder(Snapshot::Empty());
  for (v1::Resource resource : all) {
    resource.set_revision(1);
    ASSERT_TRUE(builder.Put(resource).ok());
  }
  const SnapshotPtr at_once = builder.Finish(state_, nullptr);
  std::vector<size_t> order = {0, 1, 2, 3, 4};
  do {
    SetUp();
    for (const size_t i : order) Apply({all[i]});
    for (const SnapshotPtr& one : {at_once, now_}) {
      EXPECT_NE(one->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
      EXPECT_NE(one->FindKeyByLeaf("org", bob_.cert->fingerprint), nullptr);
      EXPECT_NE(one->FindApi("a")->allowlist.trust, nullptr);
      EXPECT_NE(one->FindApi("a")->allowlist.FindLeaf(bob_.cert->fingerprint), nullptr);
      EXPECT_THAT(one->Pending(10), IsEmpty());
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace
}  // namespace sallyport::authsvc
