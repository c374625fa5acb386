// The shared secrets of token issuers on their way into the store and out of it.
#include "authsvc/change/shared_secrets.h"

#include "shared/crypto/pem.h"
#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSecret[] = "a secret of thirty-two bytes or more";
constexpr char kOther[] = "another secret of thirty-two or more";

class SharedSecretsTest : public WriterTest {
 protected:
  static v1::Resource Issuer() {
    v1::Resource resource;
    auto* issuer = resource.mutable_token_issuer();
    issuer->set_id("ali");
    issuer->set_org_id("org");
    issuer->set_issuer("https://ali.test");
    issuer->add_algorithms("HS256");
    return resource;
  }
  absl::StatusOr<WriteResult> PutWith(v1::Resource resource,
                                      const std::vector<std::string>& secrets) {
    Mutation mutation = Put(std::move(resource));
    for (const std::string& secret : secrets)
      mutation.shared_secrets.push_back(base::Secret::CopyOf(secret));
    return Run(Of(std::move(mutation)));
  }
  std::string RefusalWith(v1::Resource resource, const std::vector<std::string>& secrets) {
    const auto result = PutWith(std::move(resource), secrets);
    const std::string text(result.status().message());
    for (const std::string& secret : secrets) EXPECT_THAT(text, Not(HasSubstr(secret)));
    return result.ok() ? "" : text;
  }
  std::vector<std::string> Opened() {
    std::vector<std::string> out;
    const auto keys =
        writer_->OpenSharedSecrets(writer_->snapshot()->FindTokenIssuer("ali")->issuer);
    if (keys == nullptr) return out;
    for (const jwt::Key& key : keys->keys) out.emplace_back(key.secret());
    return out;
  }
};
using Strings = std::vector<std::string>;

TEST_F(SharedSecretsTest, AreSealedAndComeBackOnlyByTheOpener) {
  ASSERT_TRUE(PutWith(Issuer(), {kSecret, kOther}).ok());
  EXPECT_EQ(Opened(), (Strings{kSecret, kOther}));
  EXPECT_EQ(store_->Read(Kind::kTokenIssuer, "ali")->body.find("thirty-two"), std::string::npos);
  EXPECT_TRUE(
      writer_->ReadResource(Kind::kTokenIssuer, "ali")->token_issuer().shared_secrets().empty());
  v1::Resource listed;
  ASSERT_TRUE(writer_->snapshot()->ToResource(Kind::kTokenIssuer, "ali", &listed));
  EXPECT_TRUE(listed.token_issuer().shared_secrets().empty());
}

TEST_F(SharedSecretsTest, AreKeptWhereNoneAreGiven) {
  ASSERT_TRUE(PutWith(Issuer(), {kSecret}).ok());
  v1::Resource renamed = Issuer();
  renamed.mutable_token_issuer()->set_name("renamed");
  MustPut(renamed);
  EXPECT_EQ(Opened(), Strings{kSecret});
  ASSERT_TRUE(PutWith(Issuer(), {kOther}).ok());
  EXPECT_EQ(Opened(), Strings{kOther});
}

TEST_F(SharedSecretsTest, TheSameAgainChangesNothing) {
  ASSERT_TRUE(PutWith(Issuer(), {kSecret}).ok());
  const auto again = PutWith(Issuer(), {kSecret});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->results[0].outcome, MutationResult::Outcome::kUnchanged);
}

TEST_F(SharedSecretsTest, AreGivenUpWithTheirAlgorithms) {
  ASSERT_TRUE(PutWith(Issuer(), {kSecret}).ok());
  v1::Resource keys = Issuer();
  keys.mutable_token_issuer()->clear_algorithms();
  keys.mutable_token_issuer()->set_jwks_url("https://ali.test/keys");
  MustPut(keys);
  EXPECT_EQ(Opened(), Strings{});
  EXPECT_THAT(Refusal(Issuer()), HasSubstr("needs a shared secret"));
}

TEST_F(SharedSecretsTest, RefusesWhatIsNoSecret) {
  EXPECT_THAT(RefusalWith(Issuer(), {"open sesame"}), HasSubstr("shorter than 32 bytes"));
  EXPECT_THAT(RefusalWith(Issuer(), {std::string(5000, 'x')}), HasSubstr("longer than"));
  EXPECT_THAT(RefusalWith(Issuer(), {crypto::PublicKeyPem(alice_.PublicDer())}),
              HasSubstr("is a public key"));
  EXPECT_THAT(RefusalWith(Issuer(), {alice_.Pem()}), HasSubstr("is a public key or certificate"));
  EXPECT_THAT(RefusalWith(Issuer(), {kSecret, kSecret}), HasSubstr("stands twice"));
  EXPECT_THAT(RefusalWith(Issuer(), Strings(9, kSecret)), HasSubstr("more than 8"));
  EXPECT_THAT(RefusalWith(ApiResource("a"), {kSecret}), HasSubstr("only a token issuer"));
  v1::Resource sealed = Issuer();
  sealed.mutable_token_issuer()->add_shared_secrets()->set_ciphertext("x");
  EXPECT_THAT(RefusalWith(sealed, {}), HasSubstr("sealed by the store"));
}

TEST_F(SharedSecretsTest, NeverStandBesidePublicKeys) {
  v1::Resource mixed = Issuer();
  mixed.mutable_token_issuer()->set_jwks_url("https://ali.test/keys");
  EXPECT_THAT(RefusalWith(mixed, {kSecret}), HasSubstr("make two token issuers"));
  v1::Resource listed = Issuer();
  listed.mutable_token_issuer()->add_algorithms("RS256");
  EXPECT_THAT(RefusalWith(listed, {kSecret}), HasSubstr("verifies with a public key"));
  v1::Resource unlisted = Issuer();
  unlisted.mutable_token_issuer()->clear_algorithms();
  EXPECT_THAT(RefusalWith(unlisted, {kSecret}), HasSubstr("need algorithms"));
  EXPECT_THAT(RefusalWith(Issuer(), {}), HasSubstr("needs a shared secret"));
}

TEST_F(SharedSecretsTest, WithoutAMasterKeyNoneAreTaken) {
  writer_.reset();
  sealer_.reset();
  writer_ = StartWriter(store_.get());
  EXPECT_THAT(RefusalWith(Issuer(), {kSecret}), HasSubstr("no master key"));
}

TEST_F(SharedSecretsTest, WithAnotherMasterKeyNothingOpens) {
  ASSERT_TRUE(PutWith(Issuer(), {kSecret}).ok());
  std::vector<crypto::MasterKey> keys;
  keys.push_back({"m2", base::Secret(std::string(32, 'z'))});
  writer_.reset();
  sealer_ = *crypto::Sealer::Create(std::move(keys));
  writer_ = StartWriter(store_.get());
  EXPECT_EQ(Opened(), Strings{});
}

TEST_F(SharedSecretsTest, ASelectionIsOneIssuers) {
  v1::Resource ali = Issuer();
  ali.mutable_token_issuer()->set_select_claim("key");
  EXPECT_THAT(RefusalWith(ali, {kSecret}), HasSubstr("go together"));
  ali.mutable_token_issuer()->set_select_value("k1");
  ASSERT_TRUE(PutWith(ali, {kSecret}).ok());
  v1::Resource bob = ali;
  bob.mutable_token_issuer()->set_id("bob");
  EXPECT_THAT(RefusalWith(bob, {kOther}), HasSubstr("is that of token issuer ali"));
  bob.mutable_token_issuer()->set_org_id("others");
  EXPECT_EQ(RefusalWith(bob, {kOther}), "");
}

TEST_F(SharedSecretsTest, TheirKeyIsOfTheirOrganisation) {
  v1::Resource ali = Issuer();
  ali.mutable_token_issuer()->set_key_id("k");
  const auto pending = PutWith(ali, {kSecret});
  ASSERT_TRUE(pending.ok()) << pending.status();
  EXPECT_THAT(pending->AllWarnings(), ::testing::Contains(HasSubstr("nobody passes")));
  v1::Resource key;
  key.mutable_key()->set_id("k");
  key.mutable_key()->set_org_id("others");
  key.mutable_key()->set_all_apis(true);
  MustPut(key);
  EXPECT_THAT(RefusalWith(ali, {}), HasSubstr("of another organisation"));
}

}  // namespace
}  // namespace sallyport::authsvc
