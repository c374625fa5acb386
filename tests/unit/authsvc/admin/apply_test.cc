#include "authsvc/admin/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::HasSubstr;

class ApplyTest : public AdminTest {
 protected:
  v1::ApplyResponse Run(const std::string& text,
                        const std::function<void(v1::ApplyRequest*)>& change = {}) {
    v1::ApplyRequest request;
    request.add_documents()->set_content(text);
    if (change) change(&request);
    auto response = Apply(*writer_, clock_, "tester", "org", request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *std::move(response) : v1::ApplyResponse();
  }
  static std::string Outcomes(const v1::ApplyResponse& response) {
    std::string all;
    for (const auto& result : response.results())
      all += result.kind() + "/" + result.id() + " " + result.outcome() + "\n";
    return all;
  }
};

constexpr char kTwo[] = R"(apiVersion: sallyport/v1
kind: Policy
id: gold
accessRights: [{apiId: a1}]
---
apiVersion: sallyport/v1
kind: Api
id: a1
listenPath: /a/
keyless: true
upstream: {targets: [{url: "http://up/"}]}
)";

TEST_F(ApplyTest, CreatesThenNothingChanges) {
  const auto first = Run(kTwo);
  EXPECT_TRUE(first.applied());
  EXPECT_EQ(Outcomes(first), "Policy/gold created\nApi/a1 created\n");
  clock_.Advance(absl::Hours(1));
  const auto second = Run(kTwo);
  EXPECT_EQ(Outcomes(second), "Policy/gold unchanged\nApi/a1 unchanged\n");
  EXPECT_EQ(second.revision(), first.revision());
}

TEST_F(ApplyTest, DryRunWritesNothing) {
  const auto dry = Run(kTwo, [](v1::ApplyRequest* request) { request->set_dry_run(true); });
  EXPECT_FALSE(dry.applied());
  EXPECT_EQ(Outcomes(dry), "Policy/gold created\nApi/a1 created\n");
  EXPECT_EQ(writer_->snapshot()->FindApi("a1"), nullptr);
}

TEST_F(ApplyTest, OneRefusalByTheDialectRefusesAll) {
  const auto response =
      Run(std::string(kTwo) + "---\napiVersion: sallyport/v1\nkind: Listener\nidd: x\n");
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(writer_->snapshot()->FindApi("a1"), nullptr);
}

TEST_F(ApplyTest, OneRefusalByTheWriterRefusesAllAndNamesIt) {
  const std::string second =
      "---\napiVersion: sallyport/v1\nkind: Api\nid: a2\nlistenPath: /a/\nkeyless: true\n"
      "upstream: {targets: [{url: \"http://up/\"}]}\n";
  const auto response = Run(std::string(kTwo) + second);
  EXPECT_FALSE(response.applied());
  EXPECT_EQ(writer_->snapshot()->FindPolicy("gold"), nullptr);
  std::string messages;
  for (const auto& result : response.results())
    messages += result.outcome() + ": " + result.message() + "\n";
  EXPECT_THAT(messages, HasSubstr("refused: "));
}

TEST_F(ApplyTest, StrictMakesPendingAnError) {
  const std::string text =
      "apiVersion: sallyport/v1\nkind: Policy\nid: p\naccessRights: [{apiId: nowhere}]\n";
  const auto strict = Run(text, [](v1::ApplyRequest* request) { request->set_strict(true); });
  EXPECT_FALSE(strict.applied());
  EXPECT_EQ(strict.results(0).outcome(), "refused");
  const auto lenient = Run(text);
  EXPECT_TRUE(lenient.applied());
  EXPECT_THAT(lenient.results(0).warnings(0), HasSubstr("nowhere"));
}

TEST_F(ApplyTest, PruneRemovesWhatTheSetNoLongerHas) {
  const auto with_set = [](v1::ApplyRequest* request) {
    request->set_set("mine");
    request->set_prune(true);
  };
  Run("apiVersion: sallyport/v1\nkind: Policy\nid: other\n");
  Run(kTwo, with_set);
  const auto pruned = Run(
      "apiVersion: sallyport/v1\nkind: Policy\nid: gold\naccessRights: [{apiId: a1}]\n", with_set);
  EXPECT_TRUE(pruned.applied());
  EXPECT_THAT(Outcomes(pruned), HasSubstr("Api/a1 pruned"));
  EXPECT_EQ(writer_->snapshot()->FindApi("a1"), nullptr);
  EXPECT_NE(writer_->snapshot()->FindPolicy("other"), nullptr);
}

TEST_F(ApplyTest, ADocumentWithoutTokenKeepsTheStoredOne) {
  const std::string key =
      "apiVersion: sallyport/v1\nkind: Key\nid: k\naccessRights: [{apiId: a1}]\n";
  Run(kTwo);
  EXPECT_TRUE(Run(key + "token: 0123456789abcdef\n").applied());
  EXPECT_TRUE(Run(key + "alias: renamed\n").applied());
  const SnapshotPtr snapshot = writer_->snapshot();
  const KeyEntry* entry = snapshot->FindKeyByToken(crypto::Sha256("0123456789abcdef"));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->key.alias(), "renamed");
}

TEST_F(ApplyTest, CertificatesWithKeysAreSealedAndIdempotent) {
  const auto pair = sallyport::testing::CertBuilder("CN=c").SelfSign();
  const Json document = {{"apiVersion", "sallyport/v1"},
                         {"kind", "Certificate"},
                         {"name", "web"},
                         {"pem", pair.Pem() + pair.KeyPem()}};
  EXPECT_THAT(Outcomes(Run(document.dump())), HasSubstr("created"));
  const SnapshotPtr snapshot = writer_->snapshot();
  const CertificateEntry* entry = snapshot->FindCertificate("org", "name:web");
  ASSERT_NE(entry, nullptr);
  EXPECT_TRUE(entry->has_private_key());
  EXPECT_TRUE(writer_->OpenPrivateKey(*entry).ok());
  // Without the key in the document the stored one stays.
  const Json without = {{"apiVersion", "sallyport/v1"},
                        {"kind", "Certificate"},
                        {"name", "web"},
                        {"pem", pair.Pem()}};
  EXPECT_THAT(Outcomes(Run(without.dump())), HasSubstr("unchanged"));
  EXPECT_TRUE(writer_->snapshot()->FindCertificate("org", "name:web")->has_private_key());
}

TEST_F(ApplyTest, ATykConfLiftsNoRevocation) {
  const Json settings = {
      {"apiVersion", "sallyport/v1"},
      {"kind", "GatewaySettings"},
      {"revoked", {{{"spkiSha256", std::string(43, 'A') + "="}}}},
      {"trustedProxies", {"10.0.0.0/8"}},
      {"clientAllowlist", {{{"certificateId", "org1"}, {"exact", true}}}},
      {"pins", {{"reportOnly", true}}},
      {"upstreamTls", {{"serverName", "inner.test"}, {"trustBundleIds", {"b"}}}}};
  ASSERT_TRUE(Run(settings.dump()).applied());
  const Json conf = {{"security", {{"certificates", {{"apis", {"org1", "org2"}}}}}}};
  ASSERT_TRUE(Run(conf.dump()).applied());
  const SnapshotPtr snapshot = writer_->snapshot();
  const v1::GatewaySettings& now = snapshot->settings().settings;
  EXPECT_EQ(now.revoked_size(), 1);
  EXPECT_EQ(now.trusted_proxies_size(), 1);
  EXPECT_TRUE(now.pins().report_only());
  EXPECT_EQ(now.upstream_tls().server_name(), "inner.test");
  EXPECT_EQ(now.upstream_tls().trust_bundle_ids_size(), 1);
  ASSERT_EQ(now.client_allowlist_size(), 2);
  EXPECT_TRUE(now.client_allowlist(0).exact());
  EXPECT_FALSE(now.client_allowlist(1).exact());
  EXPECT_THAT(Outcomes(Run(conf.dump())), HasSubstr("unchanged"));
}

TEST_F(ApplyTest, ADocumentWithoutNameKeepsTheStoredOne) {
  const auto pair = sallyport::testing::CertBuilder("CN=c").SelfSign();
  const Json named = {{"apiVersion", "sallyport/v1"},
                      {"kind", "Certificate"},
                      {"name", "web"},
                      {"pem", pair.Pem()}};
  const Json nameless = {
      {"apiVersion", "sallyport/v1"}, {"kind", "Certificate"}, {"pem", pair.Pem()}};
  ASSERT_TRUE(Run(named.dump()).applied());
  EXPECT_THAT(Outcomes(Run(nameless.dump())), HasSubstr("unchanged"));
  EXPECT_NE(writer_->snapshot()->FindCertificate("org", "name:web"), nullptr);
}

TEST_F(ApplyTest, DryRunSaysWhatWouldDiffer) {
  Run(kTwo);
  std::string changed = kTwo;
  changed.replace(changed.find("keyless: true"), 13, "token: {enabled: true}\nname: n");
  const auto dry = Run(changed, [](v1::ApplyRequest* request) { request->set_dry_run(true); });
  EXPECT_EQ(Outcomes(dry), "Policy/gold unchanged\nApi/a1 updated\n");
  EXPECT_EQ(dry.results(0).message(), "");
  EXPECT_EQ(dry.results(1).message(), "- keyless: true\n+ name: \"n\"\n+ token.enabled: true\n");
  EXPECT_TRUE(writer_->snapshot()->FindApi("a1")->api.keyless());
}

TEST_F(ApplyTest, ADiffNeverShowsASecret) {
  const auto secret = [](const std::string& value) {
    return "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {token: " + value +
           "}\n";
  };
  EXPECT_EQ(Outcomes(Run(secret("hush-one"))), "Secret/default/s created\n");
  EXPECT_EQ(Outcomes(Run(secret("hush-one"))), "Secret/default/s unchanged\n");
  const auto dry =
      Run(secret("hush-two"), [](v1::ApplyRequest* request) { request->set_dry_run(true); });
  EXPECT_EQ(Outcomes(dry), "Secret/default/s updated\n");
  EXPECT_EQ(dry.DebugString().find("hush"), std::string::npos);
}

// What an object says that it is made of is what somebody stored.
TEST_F(ApplyTest, WithAnObjectGoesWhatIsMadeOfItAlone) {
  const auto api = [&](const std::string& id, const std::string& dialect, const std::string& org,
                       const std::string& name) {
    Mutation mutation;
    mutation.resource.set_dialect(dialect);
    mutation.resource.set_document(
        absl::StrCat(R"({"kind":"API","metadata":{"namespace":"default","name":")", name, "\"}}"));
    v1::Api* const made = mutation.resource.mutable_api();
    made->set_id(id);
    made->set_org_id(org);
    made->set_listen_path(absl::StrCat("/", id, "/"));
    made->set_keyless(true);
    made->mutable_upstream()->add_targets()->set_url("http://127.0.0.1:1");
    return mutation;
  };
  Write write;
  write.mutations.push_back(api("made", "apk", "org", "it"));
  write.mutations.push_back(api("byhand", "native", "org", "it"));
  write.mutations.push_back(api("foreign", "apk", "other", "it"));
  write.mutations.push_back(api("sister", "apk", "org", "she"));
  v1::DialectObject* const object =
      write.mutations.emplace_back().resource.mutable_dialect_object();
  object->set_id("apk/default/API/it");
  object->set_org_id("org");
  object->set_json("{}");
  for (const char* const id : {"made", "byhand", "foreign", "sister", "made", "none"})
    object->add_resources(absl::StrCat("Api ", id));
  const auto put = writer_->Run(std::move(write));
  ASSERT_TRUE(put.ok()) << put.status();
  v1::DeleteRequest request;
  request.set_id("apk/default/API/it");
  const auto gone = DeleteObject(*writer_, clock_, "org", request);
  ASSERT_TRUE(gone.ok()) << gone.status();
  const auto now = writer_->snapshot();
  EXPECT_EQ(now->FindDialectObject("apk/default/API/it"), nullptr);
  EXPECT_EQ(now->FindApi("made"), nullptr);
  for (const char* const id : {"byhand", "foreign", "sister"}) EXPECT_NE(now->FindApi(id), nullptr);
}

}  // namespace
}  // namespace sallyport::authsvc::admin
