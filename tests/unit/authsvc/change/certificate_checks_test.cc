// Certificates: ids, messages, expiry, private keys, stable names, deletes.
#include "authsvc/snapshot/resource.h"
#include "shared/crypto/private_key.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class CertificateChecksTest : public WriterTest {};

TEST_F(CertificateChecksTest, AddSaysWhatTykSays) {
  const auto added = Add(alice_.Pem());
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_EQ(added->id, "org" + added->id.substr(3));
  EXPECT_EQ(added->id, Id(alice_));
  const auto again = Add(alice_.Pem());
  EXPECT_TRUE(absl::IsAlreadyExists(again.status()));
  EXPECT_EQ(again.status().message(), "Certificate with " + Id(alice_) + " id already exists");
  EXPECT_EQ(Add(CertBuilder("CN=old").Expired().SignBy(root_).Pem()).status().message(),
            "certificate is expired");
  EXPECT_FALSE(Add("no PEM").ok());
  EXPECT_FALSE(Add("").ok());
  EXPECT_EQ(writer_->snapshot()->Count(Kind::kCertificate), 1u);
}

TEST_F(CertificateChecksTest, AnExpiredOneFurtherDownIsStoredWithAWarning) {
  const TestCert old_ca = CertBuilder("CN=Old CA").Ca().Expired().SelfSign();
  const auto added = Add(alice_.Pem() + old_ca.Pem());
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_THAT(added->warnings, ::testing::Contains(HasSubstr("expired")));
  EXPECT_THAT(Refusal(CertificateResource(old_ca)), HasSubstr("certificate is expired"));
}

TEST_F(CertificateChecksTest, AStoredCertificateThatExpiredMayStillBeNamed) {
  ASSERT_TRUE(Add(alice_.Pem()).ok());
  clock_.JumpWall(absl::Hours(24 * 365 * 100));
  EXPECT_THAT(WarningsOf(CertificateResource(alice_, "n")), HasSubstr("has expired"));
}

TEST_F(CertificateChecksTest, RefusesWhatIsNoCertificate) {
  v1::Resource resource;
  resource.mutable_certificate()->set_org_id("org");
  EXPECT_THAT(Refusal(resource), HasSubstr("either chain_der or public_key_der"));
  resource.mutable_certificate()->add_chain_der(alice_.der + "x");
  EXPECT_NE(Refusal(resource), "");
  resource = CertificateResource(alice_);
  resource.mutable_certificate()->add_chain_der("broken");
  EXPECT_THAT(Refusal(resource), HasSubstr("certificate 2 of the chain"));
  resource = CertificateResource(alice_);
  resource.mutable_certificate()->set_public_key_der(alice_.PublicDer());
  EXPECT_THAT(Refusal(resource), HasSubstr("either"));
  resource = CertificateResource(alice_);
  resource.mutable_certificate()->set_id(Id(bob_));
  EXPECT_THAT(Refusal(resource), HasSubstr("not that of its content"));
  resource = CertificateResource(alice_);
  resource.mutable_certificate()->mutable_private_key()->set_ciphertext("mine");
  EXPECT_THAT(Refusal(resource), HasSubstr("cannot be given"));
  resource = CertificateResource(alice_, "a b");
  EXPECT_THAT(Refusal(resource), HasSubstr("stable name"));
}

TEST_F(CertificateChecksTest, ThePrivateKeyIsSealedAndComesBackOnlyByTheOpener) {
  ASSERT_TRUE(Add(alice_.Pem() + alice_.KeyPem()).ok());
  const auto record = store_->Read(Kind::kCertificate, Id(alice_));
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->body.find(alice_.KeyDer()), std::string::npos);
  EXPECT_FALSE(
      writer_->ReadResource(Kind::kCertificate, Id(alice_))->certificate().has_private_key());
  const auto* entry = writer_->snapshot()->FindCertificateById(Id(alice_));
  const auto opened = writer_->OpenPrivateKey(*entry);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const auto key = crypto::LoadPrivateKey(opened->Reveal());
  ASSERT_TRUE(key.ok());
  EXPECT_TRUE(crypto::KeyMatches(*alice_.cert, key->get()));
}

TEST_F(CertificateChecksTest, ASealedKeyOfAnotherRecordDoesNotOpen) {
  ASSERT_TRUE(Add(alice_.Pem() + alice_.KeyPem()).ok());
  ASSERT_TRUE(Add(bob_.Pem() + bob_.KeyPem()).ok());
  // Somebody with access to the file puts alice's sealed key into bob's record.
  v1::Resource stolen;
  v1::Resource record;
  ASSERT_TRUE(stolen.ParseFromString(store_->Read(Kind::kCertificate, Id(alice_))->body));
  ASSERT_TRUE(record.ParseFromString(store_->Read(Kind::kCertificate, Id(bob_))->body));
  *record.mutable_certificate()->mutable_private_key() = stolen.certificate().private_key();
  ASSERT_TRUE(
      store_->Commit({{{Kind::kCertificate, Id(bob_), false, record.SerializeAsString(), {}}}, {}})
          .ok());
  MustPut(ApiResource("next"));  // takes the change up first
  const auto snapshot = writer_->snapshot();
  EXPECT_FALSE(writer_->OpenPrivateKey(*snapshot->FindCertificateById(Id(bob_))).ok());
}

TEST_F(CertificateChecksTest, AWrongOrUnusablePrivateKeyIsRefused) {
  Mutation wrong = Put(CertificateResource(alice_));
  wrong.private_key = base::Secret(bob_.KeyDer());
  EXPECT_THAT(std::string(Run(Of(std::move(wrong))).status().message()),
              HasSubstr("private key does not match"));
  Mutation proven = Put(CertificateResource(alice_));
  proven.private_key = base::Secret(bob_.KeyDer());
  proven.private_key_of = bob_.cert->fingerprint;  // of another certificate: says nothing
  EXPECT_FALSE(Run(Of(std::move(proven))).ok());
  Mutation garbage = Put(CertificateResource(alice_));
  garbage.private_key = base::Secret(std::string("garbage"));
  EXPECT_FALSE(Run(Of(std::move(garbage))).ok());
  Mutation on_api = Put(ApiResource("a"));
  on_api.private_key = base::Secret(alice_.KeyDer());
  EXPECT_FALSE(Run(Of(std::move(on_api))).ok());
}

TEST_F(CertificateChecksTest, WithoutAMasterKeyPrivateKeysAreRefused) {
  Writer::Options options;
  options.clock = &clock_;
  auto store = OpenStore();
  auto writer = Writer::Start(store.get(), options);
  ASSERT_TRUE(writer.ok());
  AddCertificateOptions add;
  const auto refused = AddCertificate(**writer, alice_.Pem() + alice_.KeyPem(), add);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_TRUE(AddCertificate(**writer, alice_.Pem(), add).ok());
}

TEST_F(CertificateChecksTest, APutWithoutTheKeyKeepsItAndAnUploadAddsOne) {
  ASSERT_TRUE(Add(alice_.Pem()).ok());
  EXPECT_FALSE(writer_->snapshot()->FindCertificateById(Id(alice_))->has_private_key());
  const auto added = Add(alice_.Pem() + alice_.KeyPem());
  ASSERT_TRUE(added.ok()) << added.status();
  EXPECT_TRUE(added->existed);
  EXPECT_TRUE(writer_->snapshot()->FindCertificateById(Id(alice_))->has_private_key());
  MustPut(CertificateResource(alice_, "named"));
  EXPECT_TRUE(writer_->snapshot()->FindCertificateById(Id(alice_))->has_private_key());
  EXPECT_TRUE(absl::IsAlreadyExists(Add(alice_.Pem() + alice_.KeyPem()).status()));
  EXPECT_EQ(writer_->snapshot()->FindCertificateById(Id(alice_))->name, "named");
}

TEST_F(CertificateChecksTest, ANameMovesInOneWriteAndItsUsersFollow) {
  ASSERT_TRUE(Add(alice_.Pem(), "n").ok());
  MustPut(StaticApi("a", {"name:n"}));
  const auto moved = Add(bob_.Pem(), "n");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_THAT(moved->warnings, ElementsAre("the name n moved here from " + Id(alice_)));
  const auto snapshot = writer_->snapshot();
  EXPECT_EQ(snapshot->FindCertificateById(Id(alice_))->name, "");
  EXPECT_EQ(snapshot->FindCertificateById(Id(alice_))->revision, moved->revision);
  EXPECT_NE(snapshot->FindApi("a")->allowlist.FindLeaf(bob_.cert->fingerprint), nullptr);
  EXPECT_EQ(snapshot->FindApi("a")->allowlist.FindLeaf(alice_.cert->fingerprint), nullptr);
  EXPECT_TRUE(Add(alice_.Pem(), "n").ok()) << "and back, of a stored certificate";
  EXPECT_FALSE(
      Run(Of(Put(CertificateResource(alice_, "m")), Put(CertificateResource(bob_, "m")))).ok());
}

TEST_F(CertificateChecksTest, SaysWhatIsWrongWithACa) {
  const TestCert weak =
      CertBuilder("CN=Weak").Ca().Key(sallyport::testing::KeyType::kRsa1024).SelfSign();
  EXPECT_THAT(WarningsOf(CertificateResource(weak)), HasSubstr("never usable"));
  const TestCert dotted = CertBuilder("CN=Dotted").Ca().Permit(GEN_DNS, ".example").SelfSign();
  EXPECT_THAT(WarningsOf(CertificateResource(dotted)), HasSubstr("period"));
}

TEST_F(CertificateChecksTest, DeletingAnIdentityNamesWhomItCutsOff) {
  ASSERT_TRUE(Add(alice_.Pem(), "n").ok());
  MustPut(StaticApi("a", {Id(alice_)}));
  MustPut(StaticApi("b", {"name:n"}));
  MustPut(KeyResource("k", {Id(alice_)}));
  const auto deleted = Run(Of(Delete(Kind::kCertificate, Id(alice_))));
  ASSERT_TRUE(deleted.ok()) << deleted.status();
  EXPECT_THAT(deleted->cut_off, UnorderedElementsAre("Api a", "Api b", "Key k"));
  EXPECT_EQ(writer_->snapshot()->FindKeyByLeaf("org", alice_.cert->fingerprint), nullptr);
  EXPECT_TRUE(absl::IsNotFound(Run(Of(Delete(Kind::kCertificate, Id(alice_)))).status()));
}

TEST_F(CertificateChecksTest, DeletingWhatTheSystemUsesIsRefusedWithTheUsersUnlessForced) {
  ASSERT_TRUE(Add(alice_.Pem() + alice_.KeyPem(), "n").ok());
  const auto refused_with = [&](v1::Resource user, const char* text) {
    MustPut(user);
    const auto refused = Run(Of(Delete(Kind::kCertificate, Id(alice_))));
    EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << refused.status();
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(text));
    Mutation gone = Delete(*KindOf(user), BodyId(user));
    EXPECT_TRUE(Run(Of(std::move(gone))).ok());
  };
  v1::Resource api = ApiResource("a");
  (*api.mutable_api()
        ->mutable_upstream()
        ->mutable_client_certificates()
        ->mutable_certificate_ids())["*"] = "name:n";
  refused_with(api, "Api a (client certificate)");
  api = ApiResource("a");
  (*api.mutable_api()->mutable_upstream()->mutable_pins()->mutable_pins())["*"].add_certificate_ids(
      Id(alice_));
  refused_with(api, "Api a (pin)");
  api = ApiResource("a");
  api.mutable_api()->add_server_certificate_ids(Id(alice_));
  refused_with(api, "Api a (server certificate)");
  v1::Resource settings = Settings();
  settings.mutable_settings()->add_control_allowlist()->set_certificate_id(Id(alice_));
  refused_with(settings, "GatewaySettings gateway (control allowlist)");
  v1::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("t");
  bundle.mutable_trust_bundle()->set_org_id("org");
  bundle.mutable_trust_bundle()->add_certificate_ids("name:n");
  refused_with(bundle, "TrustBundle t (trust bundle)");

  MustPut(api);
  const auto forced = Run(Of(Delete(Kind::kCertificate, Id(alice_), true)));
  ASSERT_TRUE(forced.ok()) << forced.status();
  EXPECT_THAT(forced->cut_off, ElementsAre("Api a"));
}

TEST_F(CertificateChecksTest, InOneWriteTheUserMayGoWithIt) {
  ASSERT_TRUE(Add(alice_.Pem() + alice_.KeyPem()).ok());
  v1::Resource api = ApiResource("a");
  api.mutable_api()->add_server_certificate_ids(Id(alice_));
  MustPut(api);
  EXPECT_TRUE(Run(Of(Delete(Kind::kCertificate, Id(alice_)), Delete(Kind::kApi, "a"))).ok());
}

TEST_F(CertificateChecksTest, ATrustBundleInUseStaysUnlessForced) {
  ASSERT_TRUE(Add(root_.Pem()).ok());
  v1::Resource bundle;
  bundle.mutable_trust_bundle()->set_id("t");
  bundle.mutable_trust_bundle()->set_org_id("org");
  bundle.mutable_trust_bundle()->add_certificate_ids(Id(root_));
  v1::Resource api = ApiResource("a");
  api.mutable_api()->mutable_upstream()->mutable_tls()->add_trust_bundle_ids("t");
  ASSERT_TRUE(Run(Of(Put(api), Put(bundle))).ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Run(Of(Delete(Kind::kTrustBundle, "t"))).status()));
  EXPECT_TRUE(Run(Of(Delete(Kind::kTrustBundle, "t", true))).ok());
  EXPECT_THAT(writer_->snapshot()->Pending(5), ElementsAre("Api a: trust bundle: t"));
}

TEST_F(CertificateChecksTest, StatusNamesWhatIsPendingInsecureAndExpiring) {
  const absl::Time now = clock_.Now();
  const TestCert soon =
      CertBuilder("CN=soon").Valid(now - absl::Hours(1), now + absl::Hours(48)).SignBy(root_);
  ASSERT_TRUE(Add(soon.Pem()).ok());
  ASSERT_TRUE(Add(root_.Pem()).ok());
  v1::Resource api = StaticApi("a", {Id(soon), "orgmissing"});
  api.mutable_api()->mutable_upstream()->mutable_tls()->set_insecure_skip_verify(true);
  MustPut(api);
  const StatusFacts facts = CollectStatus(*writer_->snapshot(), now);
  EXPECT_EQ(facts.counts.at("Certificate"), 2u);
  EXPECT_EQ(facts.counts.at("Api"), 1u);
  EXPECT_THAT(facts.insecure, ElementsAre("Api a: insecure_skip_verify"));
  EXPECT_THAT(facts.pending, ElementsAre("Api a: allowlist: orgmissing"));
  EXPECT_THAT(facts.unusable, IsEmpty());
  ASSERT_EQ(facts.expiring.size(), 1u);
  EXPECT_THAT(facts.expiring[0], HasSubstr("used by Api a (allowlist)"));
  EXPECT_THAT(CollectStatus(*Snapshot::Empty(), now).expiring, IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc
