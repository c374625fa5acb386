// Secrets and ConfigMaps in the store, and what refers to the certificates that stand in them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/authsvc/change/writer_fixture.h"

namespace sallyport::authsvc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kPlace[] = "name:secret/default/web/tls.crt";

class SecretsTest : public WriterTest {
 protected:
  static v1::Resource Secret(const std::string& certificate_id,
                             const std::string& id = "default/web") {
    v1::Resource resource;
    auto* secret = resource.mutable_secret();
    secret->set_id(id);
    secret->set_org_id("org");
    secret->set_type("kubernetes.io/tls");
    if (!certificate_id.empty()) (*secret->mutable_certificate_ids())["tls.crt"] = certificate_id;
    return resource;
  }
  static v1::Resource Made(const TestCert& certificate) {
    v1::Resource resource = CertificateResource(certificate);
    resource.mutable_certificate()->set_source("secret/default/web");
    return resource;
  }
  static Mutation Sealing(v1::Resource resource, const std::string& key, const std::string& value) {
    Mutation mutation = Put(std::move(resource));
    mutation.secret_data[key] = base::Secret::CopyOf(value);
    return mutation;
  }
  bool Admits(const TestCert& certificate) {
    const SnapshotPtr snapshot = writer_->snapshot();
    const ApiEntry* api = snapshot->FindApi("a");
    const CertificateEntry* entry = snapshot->FindCertificateById(Id(certificate));
    return entry != nullptr && api->allowlist.FindLeaf(entry->fingerprint) != nullptr;
  }
};

TEST_F(SecretsTest, AnApiFollowsWhatStandsInASecret) {
  EXPECT_THAT(WarningsOf(StaticApi("a", {kPlace})),
              HasSubstr("pending: allowlist: Secret default/web (tls.crt) is not there yet"));
  EXPECT_FALSE(writer_->snapshot()->FindApi("a")->allowlist.empty) << "nobody, not everybody";
  EXPECT_THAT(writer_->snapshot()->Pending(10),
              ElementsAre("Api a: allowlist: Secret default/web (tls.crt)"));
  std::vector<SnapshotChange> seen;
  writer_->Observe([&](const SnapshotPtr&, const SnapshotPtr&,
                       const std::vector<SnapshotChange>& changes) { seen = changes; });
  ASSERT_TRUE(Run(Of(Put(Made(alice_)), Put(Secret(Id(alice_))))).ok());
  EXPECT_TRUE(Admits(alice_));
  EXPECT_THAT(writer_->snapshot()->Pending(10), IsEmpty());
  EXPECT_TRUE(std::any_of(seen.begin(), seen.end(), [](const SnapshotChange& change) {
    return change.kind == Kind::kApi && change.id == "a" && change.recompiled;
  })) << "data planes are told";
  ASSERT_TRUE(Run(Of(Put(Made(bob_)), Put(Secret(Id(bob_))))).ok());
  EXPECT_TRUE(Admits(bob_));
  EXPECT_FALSE(Admits(alice_));
}

TEST_F(SecretsTest, ACertificateThatASecretMadeGoesWithIt) {
  ASSERT_TRUE(Run(Of(Put(Made(alice_)), Put(Secret(Id(alice_))))).ok());
  ASSERT_TRUE(Run(Of(Put(Made(bob_)), Put(Secret(Id(bob_))))).ok());
  EXPECT_EQ(writer_->snapshot()->FindCertificateById(Id(alice_)), nullptr);
  ASSERT_TRUE(Run(Of(Delete(Kind::kSecret, "default/web"))).ok());
  EXPECT_EQ(writer_->snapshot()->FindCertificateById(Id(bob_)), nullptr);
}

TEST_F(SecretsTest, ACertificateThatAnybodyElseUsesStays) {
  MustPut(CertificateResource(alice_));  // by hand
  ASSERT_TRUE(Run(Of(Put(Secret(Id(alice_))))).ok());
  ASSERT_TRUE(
      Run(Of(Put(Made(bob_)), Put(Secret(Id(bob_))), Put(Secret(Id(bob_), "team/other")))).ok());
  EXPECT_NE(writer_->snapshot()->FindCertificateById(Id(alice_)), nullptr);
  ASSERT_TRUE(Run(Of(Delete(Kind::kSecret, "default/web"))).ok());
  EXPECT_NE(writer_->snapshot()->FindCertificateById(Id(bob_)), nullptr) << "in another Secret";
  MustPut(StaticApi("a", {Id(bob_)}));
  ASSERT_TRUE(Run(Of(Delete(Kind::kSecret, "team/other"))).ok());
  EXPECT_NE(writer_->snapshot()->FindCertificateById(Id(bob_)), nullptr) << "in an allowlist";
}

TEST_F(SecretsTest, TheSameCertificateMayStandInSeveralSecrets) {
  ASSERT_TRUE(Run(Of(Put(Made(alice_)), Put(Secret(Id(alice_))),
                     Put(Secret(Id(alice_), "team/web")), Put(StaticApi("a", {kPlace}))))
                  .ok());
  EXPECT_TRUE(Admits(alice_));
  ASSERT_TRUE(Run(Of(Delete(Kind::kSecret, "team/web"))).ok());
  EXPECT_TRUE(Admits(alice_));
}

// "tls.key" in its ids says that a Secret brought the private key: only the write that does may.
TEST_F(SecretsTest, NobodyClaimsAPrivateKey) {
  const auto gives = [this] { return writer_->snapshot()->GivesPrivateKey("org", kPlace); };
  v1::Resource claiming = Secret(Id(alice_));
  (*claiming.mutable_secret()->mutable_certificate_ids())["tls.key"] = Id(alice_);
  Mutation pair = Put(Made(alice_));
  pair.private_key = base::Secret(alice_.KeyDer());
  ASSERT_TRUE(Run(Of(std::move(pair))).ok());
  ASSERT_TRUE(Run(Of(Put(claiming))).ok());
  EXPECT_FALSE(gives()) << "the key is another's";
  Mutation brought = Put(Made(alice_));
  brought.resource.mutable_certificate()->set_id(Id(alice_));
  brought.private_key = base::Secret(alice_.KeyDer());
  ASSERT_TRUE(Run(Of(std::move(brought), Put(claiming))).ok());
  EXPECT_TRUE(gives());
  ASSERT_TRUE(Run(Of(Put(Secret(Id(alice_))))).ok());
  EXPECT_TRUE(gives()) << "as it is read back";
  ASSERT_TRUE(Run(Of(Put(CertificateResource(bob_)), Put(Secret(Id(bob_))))).ok());
  EXPECT_FALSE(gives());
}

TEST_F(SecretsTest, ASecretOfAnotherOrganisationDoesNotCount) {
  v1::Resource secret = Secret(Id(alice_));
  secret.mutable_secret()->set_org_id("other");
  ASSERT_TRUE(Run(Of(Put(Made(alice_)), Put(secret), Put(StaticApi("a", {kPlace})))).ok());
  EXPECT_FALSE(Admits(alice_));
}

TEST_F(SecretsTest, WhatTheSystemUsesIsNotDeletedWithoutForce) {
  v1::Resource api = ApiResource("a");
  (*api.mutable_api()
        ->mutable_upstream()
        ->mutable_client_certificates()
        ->mutable_certificate_ids())["*"] = kPlace;
  ASSERT_TRUE(Run(Of(Put(Made(alice_)), Put(Secret(Id(alice_))), Put(api))).ok());
  for (const auto& [kind, id] : {std::pair(Kind::kSecret, std::string("default/web")),
                                 std::pair(Kind::kCertificate, Id(alice_))}) {
    const auto refused = Run(Of(Delete(kind, id)));
    EXPECT_TRUE(absl::IsFailedPrecondition(refused.status())) << id;
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("Api a (client certificate)"));
  }
  const auto forced = Run(Of(Delete(Kind::kSecret, "default/web", true)));
  ASSERT_TRUE(forced.ok()) << forced.status();
  EXPECT_THAT(forced->cut_off, ElementsAre("Api a"));
}

TEST_F(SecretsTest, DataIsSealedAndNeverRead) {
  ASSERT_TRUE(Run(Of(Sealing(Secret(""), "token", "hush-hush"))).ok());
  const auto stored = store_->Read(Kind::kSecret, "default/web");
  ASSERT_TRUE(stored.ok());
  EXPECT_THAT(stored->body, Not(HasSubstr("hush")));
  const auto read = writer_->ReadResource(Kind::kSecret, "default/web");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->secret().sealed_data().count("token"), 1u);
  EXPECT_THAT(read->secret().sealed_data().at("token").ciphertext(), IsEmpty());
  v1::Resource shown;
  ASSERT_TRUE(writer_->snapshot()->ToResource(Kind::kSecret, "default/web", &shown));
  EXPECT_THAT(shown.secret().sealed_data().at("token").ciphertext(), IsEmpty());
}

TEST_F(SecretsTest, TheSameDataAgainChangesNothing) {
  ASSERT_TRUE(Run(Of(Sealing(Secret(""), "token", "hush"))).ok());
  const auto again = Run(Of(Sealing(Secret(""), "token", "hush")));
  EXPECT_EQ(again->results[0].outcome, MutationResult::Outcome::kUnchanged);
  const auto other = Run(Of(Sealing(Secret(""), "token", "other")));
  EXPECT_EQ(other->results[0].outcome, MutationResult::Outcome::kUpdated);
}

TEST_F(SecretsTest, WhatIsNamedWithoutItsValueIsKept) {
  ASSERT_TRUE(Run(Of(Sealing(Secret(""), "token", "hush"))).ok());
  const auto before = store_->Read(Kind::kSecret, "default/web")->body;
  v1::Resource named = Secret("");
  (*named.mutable_secret()->mutable_sealed_data())["token"];
  EXPECT_EQ(Run(Of(Put(named)))->results[0].outcome, MutationResult::Outcome::kUnchanged);
  EXPECT_TRUE(Run(Of(Sealing(named, "second", "value"))).ok());
  EXPECT_EQ(writer_->ReadResource(Kind::kSecret, "default/web")->secret().sealed_data_size(), 2);
  EXPECT_TRUE(Run(Of(Put(named))).ok());
  EXPECT_EQ(store_->Read(Kind::kSecret, "default/web")->body, before);
  (*named.mutable_secret()->mutable_sealed_data())["unknown"];
  const auto refused = Run(Of(Put(named)));
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr("\"unknown\" is not in the store"));
  named.mutable_secret()->set_id("default/elsewhere");
  EXPECT_FALSE(Run(Of(Put(named))).ok());
}

TEST_F(SecretsTest, WhatIsRefused) {
  const auto refusal = [&](Mutation mutation) {
    const auto result = Run(Of(std::move(mutation)));
    return result.ok() ? std::string() : std::string(result.status().message());
  };
  for (const char* id : {"web", "Default/web", "a/b/c", "a b/c", "/web", "web/"})
    EXPECT_THAT(refusal(Put(Secret("", id))), Not(IsEmpty())) << id;
  EXPECT_THAT(refusal(Sealing(Secret(""), "../x", "v")), HasSubstr("names in its data"));
  EXPECT_THAT(refusal(Sealing(Secret(""), "x", std::string((1 << 20) + 1, 'v'))),
              HasSubstr("more than 1 MB"));
  v1::Resource given = Secret("");
  (*given.mutable_secret()->mutable_sealed_data())["x"].set_ciphertext("c");
  EXPECT_THAT(refusal(Put(given)), HasSubstr("sealed_data is made by the store"));
  EXPECT_THAT(refusal(Sealing(ApiResource("a"), "x", "v")), HasSubstr("no secret named x"));
}

TEST_F(SecretsTest, ConfigMapsHoldCertificatesToo) {
  v1::Resource map;
  map.mutable_config_map()->set_id("default/trusted");
  map.mutable_config_map()->set_org_id("org");
  (*map.mutable_config_map()->mutable_data())["note"] = "text";
  (*map.mutable_config_map()->mutable_certificate_ids())["ca.crt"] = Id(root_);
  ASSERT_TRUE(Run(Of(Put(CertificateResource(root_)), Put(map),
                     Put(StaticApi("a", {"name:configmap/default/trusted/ca.crt"}))))
                  .ok());
  EXPECT_NE(writer_->snapshot()->FindApi("a")->allowlist.trust, nullptr);
  EXPECT_THAT(WarningsOf(StaticApi("b", {"name:configmap/default/trusted/other"})),
              HasSubstr("pending: allowlist: ConfigMap default/trusted (other)"));
}

TEST_F(SecretsTest, AKeyFollowsItsSecretToo) {
  ASSERT_TRUE(
      Run(Of(Put(Made(alice_)), Put(Secret(Id(alice_))), Put(KeyResource("k", {kPlace})))).ok());
  const auto key_of = [&](const TestCert& certificate) {
    const SnapshotPtr snapshot = writer_->snapshot();
    const KeyEntry* key = snapshot->FindKeyByLeaf("org", crypto::Sha256(certificate.der));
    return key == nullptr ? std::string() : key->key.id();
  };
  EXPECT_EQ(key_of(alice_), "k");
  ASSERT_TRUE(Run(Of(Put(Made(bob_)), Put(Secret(Id(bob_))))).ok());
  EXPECT_EQ(key_of(bob_), "k");
  EXPECT_EQ(key_of(alice_), "") << "the old certificate is nobody";
  MustPut(CertificateResource(alice_));
  MustPut(KeyResource("other", {Id(alice_)}));
  const auto taken = Run(Of(Put(Secret(Id(alice_)))));
  EXPECT_THAT(std::string(taken.status().message()), HasSubstr("already found"))
      << "one certificate is one key, also by way of a Secret";
}

}  // namespace
}  // namespace sallyport::authsvc
