// Keys, tokens and bindings (reference tyk.md 2.2).
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;

class KeyChecksTest : public WriterTest {
 protected:
  void SetUp() override {
    MustPut(ApiResource("a"));
    MustPut(CertificateResource(alice_));
    MustPut(CertificateResource(bob_));
  }
};

TEST_F(KeyChecksTest, ACertificateFindsAtMostOneKeyOfAnOrg) {
  MustPut(KeyResource("k1", {Id(alice_)}));
  const auto second = RunPut(KeyResource("k2", {Id(bob_), Id(alice_)}));
  EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_EQ(second.status().message(), "Key with given certificate already found:k1");
  EXPECT_FALSE(Run(Of(Put(KeyResource("k3", {Id(bob_)})), Put(KeyResource("k4", {Id(bob_)})))).ok())
      << "nor two in one write";
  EXPECT_TRUE(RunPut(KeyResource("k1", {Id(alice_), Id(bob_)})).ok()) << "one key may hold several";
  // In one write a certificate may go from one key to another.
  EXPECT_TRUE(
      Run(Of(Put(KeyResource("k2", {Id(alice_)})), Put(KeyResource("k1", {Id(bob_)})))).ok());
  EXPECT_EQ(writer_->snapshot()->FindKeyByLeaf("org", alice_.cert->fingerprint)->key.id(), "k2");
}

TEST_F(KeyChecksTest, AStableNameIsNoWayRoundThat) {
  MustPut(KeyResource("k1", {Id(alice_)}));
  MustPut(CertificateResource(alice_, "n"));
  EXPECT_THAT(Refusal(KeyResource("k2", {"name:n"})), HasSubstr("already found:k1"));
}

TEST_F(KeyChecksTest, AMovedNameCannotGiveTwoKeysOneCertificate) {
  MustPut(CertificateResource(alice_, "n"));
  MustPut(KeyResource("k1", {"name:n"}));
  MustPut(KeyResource("k2", {Id(bob_)}));
  EXPECT_THAT(Refusal(CertificateResource(bob_, "n")), HasSubstr("already found:"));
}

TEST_F(KeyChecksTest, RefusesCertificateIdsThatAreNotOfTheOrg) {
  const std::string other = crypto::CertificateId("other", *alice_.cert);
  EXPECT_EQ(Refusal(KeyResource("k", {other})), "invalid certificate ID: " + other);
  EXPECT_EQ(Refusal(KeyResource("k", {"org123"})), "invalid certificate ID: org123");
  EXPECT_EQ(Refusal(KeyResource("k", {""})), "invalid certificate ID: ");
  EXPECT_THAT(Refusal(KeyResource("k", {"name:a b"})), HasSubstr("stable name"));
}

TEST_F(KeyChecksTest, ACertificateThatIsNotThereYetIsPendingAndStrictRefuses) {
  const TestCert later = CertBuilder("CN=later").SignBy(root_);
  Write strict = Of(Put(KeyResource("k", {Id(later)})));
  strict.strict = true;
  EXPECT_FALSE(Run(std::move(strict)).ok());
  EXPECT_THAT(WarningsOf(KeyResource("k", {Id(later)})), HasSubstr("pending: key: " + Id(later)));
  EXPECT_EQ(writer_->snapshot()->FindKeyByLeaf("org", later.cert->fingerprint), nullptr);
  MustPut(CertificateResource(later));
  EXPECT_NE(writer_->snapshot()->FindKeyByLeaf("org", later.cert->fingerprint), nullptr);
}

TEST_F(KeyChecksTest, BindingsMustBeOfTheOrgAndThereButOnlyTheNewOnes) {
  v1::Resource key = KeyResource("k", {});
  key.mutable_key()->add_token_sha256(crypto::Sha256("t"));
  auto* bound = key.mutable_key()->add_bound_certificate_ids();
  *bound = "xyz";
  EXPECT_EQ(Refusal(key), "invalid certificate ID: xyz");
  *bound = Id(root_);
  EXPECT_EQ(Refusal(key), "certificate not found: " + Id(root_));
  *bound = Id(alice_);
  MustPut(key);
  v1::Resource second = key;
  second.mutable_key()->set_id("k2");
  *second.mutable_key()->mutable_token_sha256(0) = crypto::Sha256("t2");
  MustPut(second);  // any number of keys may name it
  const auto gone = Run(Of(Delete(Kind::kCertificate, Id(alice_))));
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_THAT(gone->cut_off, ::testing::UnorderedElementsAre("Key k", "Key k2"));
  key.mutable_key()->set_alias("edited");
  EXPECT_EQ(Refusal(key), "") << "an old binding may be gone";
  key.mutable_key()->add_bound_certificate_ids(Id(root_));
  EXPECT_EQ(Refusal(key), "certificate not found: " + Id(root_));
}

TEST_F(KeyChecksTest, RefusesKeysWithoutRightsAndBadRights) {
  v1::Resource key = KeyResource("k", {Id(alice_)});
  key.mutable_key()->clear_access_rights();
  EXPECT_EQ(Refusal(key), "keys must have at least one Access Rights record set.");
  key.mutable_key()->add_access_rights();
  EXPECT_THAT(Refusal(key), HasSubstr("without api_id"));
  key.mutable_key()->mutable_access_rights(0)->set_api_id("a");
  key.mutable_key()->mutable_access_rights(0)->add_allowed_urls()->set_path("[");
  EXPECT_THAT(Refusal(key), HasSubstr("regular expression"));
  key.mutable_key()->mutable_access_rights(0)->clear_allowed_urls();
  key.mutable_key()->mutable_limits()->mutable_rate()->set_rate(1);
  EXPECT_THAT(Refusal(key), HasSubstr("period"));
}

TEST_F(KeyChecksTest, TokensAreWholeHashesAndOfOneKeyOnly) {
  v1::Resource key = KeyResource("k", {});
  key.mutable_key()->add_token_sha256("clear text");
  EXPECT_THAT(Refusal(key), HasSubstr("32 bytes"));
  *key.mutable_key()->mutable_token_sha256(0) = crypto::Sha256("t");
  MustPut(key);
  key.mutable_key()->set_id("other");
  EXPECT_THAT(Refusal(key), HasSubstr("already that of key k"));
}

TEST_F(KeyChecksTest, AnUpdateWithoutTokensKeepsThem) {
  v1::Resource key = KeyResource("k", {});
  key.mutable_key()->add_token_sha256(crypto::Sha256("t"));
  MustPut(key);
  auto shown = writer_->ReadResource(Kind::kKey, "k");
  ASSERT_TRUE(shown.ok());
  EXPECT_TRUE(shown->key().token_sha256().empty()) << "hashes are not shown";
  shown->mutable_key()->set_alias("new");
  MustPut(*shown);
  EXPECT_NE(writer_->snapshot()->FindKeyByToken(crypto::Sha256("t")), nullptr);
  EXPECT_EQ(writer_->snapshot()->FindKey("k")->key.alias(), "new");
}

TEST_F(KeyChecksTest, CreateKeyFromACertificateNeverStoresItsPrivateKey) {
  const TestCert carol = CertBuilder("CN=carol").SignBy(root_);
  v1::Key key = KeyResource("", {}).key();
  CreateKeyOptions options;
  options.certificate = carol.Pem() + carol.KeyPem();
  const auto created = CreateKey(*writer_, key, options, clock_.Now());
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(created->id, Id(carol));
  EXPECT_TRUE(created->token.empty());
  const auto snapshot = writer_->snapshot();
  EXPECT_FALSE(snapshot->FindCertificateById(Id(carol))->has_private_key());
  EXPECT_NE(snapshot->FindKeyByLeaf("org", carol.cert->fingerprint), nullptr);
  EXPECT_EQ(snapshot->FindKeyByToken(crypto::Sha256(created->id)), nullptr)
      << "the id never authenticates";
  const auto again = CreateKey(*writer_, key, options, clock_.Now());
  EXPECT_TRUE(absl::IsAlreadyExists(again.status())) << again.status();
  options.certificate = CertBuilder("CN=old").Expired().SignBy(root_).Pem();
  EXPECT_EQ(CreateKey(*writer_, key, options, clock_.Now()).status().message(),
            "certificate is expired");
}

TEST_F(KeyChecksTest, TokensAreShownOnceAndRotate) {
  CreateKeyOptions options;
  options.with_token = true;
  v1::Key key = KeyResource("", {}).key();
  const auto first = CreateKey(*writer_, key, options, clock_.Now());
  const auto other = CreateKey(*writer_, key, options, clock_.Now());
  ASSERT_TRUE(first.ok() && other.ok());
  EXPECT_NE(first->id, other->id);
  EXPECT_NE(first->token, other->token);
  EXPECT_EQ(first->token.size(), 43u);
  const auto finds = [&](const std::string& token) {
    return writer_->snapshot()->FindKeyByToken(crypto::Sha256(token)) != nullptr;
  };
  const auto kept = RotateKey(*writer_, first->id, true);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_TRUE(finds(first->token) && finds(kept->token));
  const auto replaced = RotateKey(*writer_, first->id, false);
  ASSERT_TRUE(replaced.ok());
  EXPECT_FALSE(finds(first->token) || finds(kept->token));
  EXPECT_TRUE(finds(replaced->token) && finds(other->token));
  EXPECT_TRUE(absl::IsNotFound(RotateKey(*writer_, "missing", true).status()));
}

}  // namespace
}  // namespace sallyport::authsvc
