#include "authsvc/admin/tyk_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "authsvc/admin/apply.h"
#include "tests/unit/authsvc/admin/admin_fixture.h"

namespace sallyport::authsvc::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TykConfigTest : public AdminTest {
 protected:
  absl::Status Take(const std::string& text, std::vector<std::string> environment = {}) {
    return TakeTykConfig(*writer_, clock_, "org", {"tyk.conf", text, std::move(environment)});
  }
  absl::StatusOr<std::vector<std::string>> Check(const std::string& text,
                                                 std::vector<std::string> environment = {}) {
    return CheckTykConfig(clock_.Now(), "org", {"tyk.conf", text, std::move(environment)});
  }
  const v1::GatewaySettings& settings() {
    held_ = writer_->snapshot();
    return held_->settings().settings;
  }
  SnapshotPtr held_;
};

TEST_F(TykConfigTest, ARefusedVariableStoresNothing) {
  const absl::Status status =
      Take(R"({"proxy_ssl_insecure_skip_verify": true})",
           {"TYK_GW_SECURITY_NEWSWITCH=hidden", "TYK_GW_PROXYSSLMINVERSION=hidden"});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("tyk.conf"), HasSubstr("TYK_GW_SECURITY_NEWSWITCH"),
                    HasSubstr("TYK_GW_PROXYSSLMINVERSION"), Not(HasSubstr("hidden"))));
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
}

TEST_F(TykConfigTest, WithoutAFileAVariableThatWouldNotHoldIsRefused) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(RefuseTykEnvironment({"TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:orgp"})));
  EXPECT_TRUE(absl::IsInvalidArgument(RefuseTykEnvironment({"TYK_GW_SECURITY_ANYTHING=1"})));
  EXPECT_TRUE(RefuseTykEnvironment({"TYK_GW_SECRET=x", "PATH=/bin"}).ok());
}

TEST_F(TykConfigTest, ACheckRefusesWhatAStartWouldAndStoresNothing) {
  struct Case {
    const char* text;
    std::vector<std::string> environment;
    const char* part;
  };
  const Case refused[] = {
      {"", {}, "holds no document"},
      {"{\"security\": ", {}, "tyk.conf"},
      {"[1]", {}, "tyk.conf"},
      {R"({"security": {"pinned_public_key": {}}})", {}, "pinned_public_key"},
      {R"({"security": {"certificates": {"upstream": {"https://up.test/x": "orgc1"}}}})",
       {},
       "up.test"},
      {R"({"proxy_ssl_min_version": 999})", {}, "proxy_ssl_min_version"},
      {R"({"security": {"control_api_use_mutual_tls": true}})", {}, "control_api"},
      {"{}", {"TYK_GW_SECURITY_NEWSWITCH=hidden"}, "TYK_GW_SECURITY_NEWSWITCH"},
  };
  for (const Case& one : refused) {
    const absl::Status checked = Check(one.text, one.environment).status();
    EXPECT_TRUE(absl::IsInvalidArgument(checked)) << one.text << checked;
    EXPECT_THAT(std::string(checked.message()),
                AllOf(HasSubstr("tyk.conf"), HasSubstr(one.part), Not(HasSubstr("hidden"))));
    const absl::Status taken = Take(one.text, one.environment);
    EXPECT_EQ(taken.code(), checked.code()) << one.text << taken;
  }
  const auto usable = Check(R"({"proxy_ssl_insecure_skip_verify": true, "secret": "hidden",
                                "security": {"pinned_public_keys": {"up.test": "orgp1"}}})");
  ASSERT_TRUE(usable.ok()) << usable.status();
  EXPECT_THAT(absl::StrJoin(*usable, "\n"), AllOf(HasSubstr("INSECURE"), Not(HasSubstr("hidden"))));
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
  EXPECT_TRUE(Check("{}").ok());
}

TEST_F(TykConfigTest, TheEnvironmentLiesOverTheFileAtEveryStart) {
  ASSERT_TRUE(Take(R"({"proxy_ssl_insecure_skip_verify": true})").ok());
  EXPECT_TRUE(settings().upstream_tls().insecure_skip_verify());
  ASSERT_TRUE(Take(R"({"proxy_ssl_insecure_skip_verify": true})",
                   {"TYK_GW_PROXYSSLINSECURESKIPVERIFY=false"})
                  .ok());
  EXPECT_FALSE(settings().upstream_tls().insecure_skip_verify());
}

TEST_F(TykConfigTest, PathsOfItsOwnFileMayStandForCertificates) {
  const auto pair = testing::CertBuilder("CN=own").SelfSign();
  const std::string certificate = (folder_ / "own.crt").string();
  const std::string both = (folder_ / "both.pem").string();
  const std::string key = (folder_ / "own.key").string();
  std::ofstream(certificate) << pair.Pem();
  std::ofstream(key) << pair.KeyPem();
  std::ofstream(both) << pair.Pem() << pair.KeyPem();
  const Json file = {
      {"security", {{"certificates", {{"apis", {certificate}}, {"upstream", {{"*", both}}}}}}},
      {"http_server_options",
       {{"min_version", 771},
        {"certificates",
         {{{"domain_name", "own.test"}, {"cert_file", certificate}, {"key_file", key}}}}}}};
  const absl::Status status = Take(file.dump());
  ASSERT_TRUE(status.ok()) << status;
  const std::string id = crypto::CertificateId("org", *pair.cert);
  EXPECT_EQ(settings().client_allowlist(0).certificate_id(), id);
  EXPECT_EQ(settings().upstream_certificates().certificate_ids().at("*"), id);
  EXPECT_EQ(settings().server_certificate_ids(0), id);
  EXPECT_TRUE(writer_->snapshot()->FindCertificateById(id)->has_private_key());
  EXPECT_TRUE(Check(file.dump()).ok());
  EXPECT_FALSE(Take(R"({"security": {"certificates": {"apis": ["/no/such/file.pem"]}}})").ok());
  EXPECT_FALSE(Check(R"({"security": {"certificates": {"apis": ["/etc"]}}})").ok());
}

// What was meant to stand inline, without its PEM lines or a part of it, is no path to tell of.
TEST_F(TykConfigTest, APrivateKeyThatIsTakenForAPathIsNotToldOf) {
  const auto pair = testing::CertBuilder("CN=own").SelfSign();
  const std::string certificate = (folder_ / "own.crt").string();
  std::ofstream(certificate) << pair.Pem();
  std::string bare;
  for (const absl::string_view line : absl::StrSplit(pair.KeyPem(), '\n')) {
    if (!absl::StartsWith(line, "-----")) absl::StrAppend(&bare, line);
  }
  for (const std::string& key :
       {bare, bare.substr(0, 40) + "/" + bare.substr(40), "a/" + bare.substr(1), bare + ".pem",
        absl::StrCat("/", bare.substr(0, 30), "\n", bare.substr(30))}) {
    const auto refused = [&](const Json& file, const std::vector<std::string>& environment,
                             absl::string_view path) {
      for (const absl::Status& status :
           {Check(file.dump(), environment).status(), Take(file.dump(), environment)}) {
        EXPECT_THAT(std::string(status.message()),
                    AllOf(HasSubstr(path), Not(HasSubstr(bare.substr(8, 12))),
                          Not(HasSubstr(bare.substr(bare.size() - 12)))));
      }
    };
    const Json pairs = {{{"cert_file", certificate}, {"key_file", key}}};
    const Json of_file = {{"http_server_options", {{"certificates", pairs}}}};
    refused(of_file, {}, "http_server_options.certificates[0].key_file (line");
    refused(Json::object(), {"TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES=" + pairs.dump()},
            "certificates[0].key_file (line");
    const Json swapped = {{{"cert_file", key}, {"key_file", certificate}}};
    refused({{"http_server_options", {{"certificates", swapped}}}}, {}, "[0].cert_file (line");
    refused({{"http_server_options", {{"ssl_certificates", {key}}}}}, {},
            "ssl_certificates[0] (line");
    refused({{"security", {{"certificates", {{"upstream", {{"*", key}}}}}}}}, {}, "upstream[");
  }
  EXPECT_THAT(
      std::string(Check(Json{{"security", {{"certificates", {{"apis", {"/no/file.pem"}}}}}}}.dump())
                      .status()
                      .message()),
      HasSubstr("there is no file /no/file.pem"))
      << "no key belongs there";
}

TEST_F(TykConfigTest, KeyPairsOfTheListenersInTheEnvironmentReplaceTheFiles) {
  const auto own = testing::CertBuilder("CN=own").SelfSign();
  const auto other = testing::CertBuilder("CN=other").SelfSign();
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
    return (folder_ / name).string();
  };
  const Json of_file = {{{"cert_file", write("other.crt", other.Pem())},
                         {"key_file", write("other.key", other.KeyPem())}}};
  const Json file = {{"http_server_options", {{"certificates", of_file}}}};
  const std::string certificate = write("own.crt", own.Pem());
  const auto variable = [&](const std::string& key) {
    const Json pairs = {{{"domain_name", "*"}, {"cert_file", certificate}, {"key_file", key}}};
    return std::vector<std::string>{"TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES=" + pairs.dump()};
  };
  const auto good = variable(write("own.key", own.KeyPem()));
  EXPECT_TRUE(Check(file.dump(), good).ok());
  const absl::Status taken = Take(file.dump(), good);
  ASSERT_TRUE(taken.ok()) << taken;
  ASSERT_EQ(settings().server_certificate_ids_size(), 1);
  const std::string id = crypto::CertificateId("org", *own.cert);
  EXPECT_EQ(settings().server_certificate_ids(0), id);
  EXPECT_TRUE(writer_->snapshot()->FindCertificateById(id)->has_private_key());
  ASSERT_TRUE(Take(file.dump(), variable(own.KeyPem())).ok()) << "a key may stand inline";
  EXPECT_THAT(writer_->snapshot()->settings().settings.ShortDebugString(),
              Not(HasSubstr("PRIVATE")));
  EXPECT_FALSE(Take(file.dump(), variable("/no/such/file.key")).ok());
  EXPECT_FALSE(Take(file.dump(), variable((folder_ / "other.key").string())).ok());
  EXPECT_THAT(std::string(Take(file.dump(), variable(certificate)).message()),
              HasSubstr("key_file holds no private key"));
  EXPECT_EQ(settings().server_certificate_ids(0), id) << "what is refused changes nothing";
  EXPECT_TRUE(absl::IsInvalidArgument(RefuseTykEnvironment(good)));
}

TEST_F(TykConfigTest, PathsOfACallersDocumentMayNot) {
  const std::string path = (folder_ / "secret.pem").string();
  std::ofstream(path) << testing::CertBuilder("CN=x").SelfSign().Pem();
  Json definition = Classic("a1");
  definition["upstream_certificates"] = {{"*", path}};
  const auto refused = Call("POST", "/tyk/apis", definition.dump());
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(refused.body, HasSubstr("a file path is not taken as a certificate"));
  v1::ApplyRequest request;
  request.add_documents()->set_content(
      Json({{"security", {{"certificates", {{"apis", {path}}}}}}}).dump());
  const auto applied = Apply(*writer_, clock_, "test", "org", request);
  ASSERT_TRUE(applied.ok());
  EXPECT_FALSE(applied->applied());
}

TEST_F(TykConfigTest, ServerVersionsAreThoseOfEveryListener) {
  ASSERT_TRUE(Take(R"({"http_server_options": {"min_version": 772}})").ok());
  EXPECT_EQ(settings().server_min_version(), "1.3");
  ASSERT_TRUE(Take(R"({"http_server_options": {"max_version": 771}})").ok());
  EXPECT_EQ(settings().server_min_version(), "");
  EXPECT_EQ(settings().server_max_version(), "1.2");
  for (const char* server :
       {R"({"min_version": 772, "max_version": 771})", R"({"max_version": 770})",
        R"({"min_version": 5})", R"({"min_version": 769, "max_version": 770})"}) {
    EXPECT_FALSE(Check(absl::StrCat(R"({"http_server_options": )", server, "}")).ok()) << server;
  }
  ASSERT_TRUE(Take(R"({"http_server_options": {"min_version": 769}})").ok());
  EXPECT_EQ(settings().server_min_version(), "") << "1.2: what listeners begin with";
}

TEST_F(TykConfigTest, TheExpiryMonitorHasBounds) {
  const auto with = [](const std::string& monitor) {
    return absl::StrCat(R"({"security": {"certificate_expiry_monitor": )", monitor, "}}");
  };
  ASSERT_TRUE(Take(with(R"({"warning_threshold_days": 7, "check_cooldown_seconds": 5,
                            "event_cooldown_seconds": 3600})"))
                  .ok());
  EXPECT_EQ(settings().expiry_monitor().warning_days(), 7u);
  EXPECT_EQ(settings().expiry_monitor().cooldown_seconds(), 3600u);
  for (const char* wrong :
       {R"({"warning_threshold_days": -1})", R"({"warning_threshold_days": 9999})",
        R"({"event_cooldown_seconds": 99999999})", "[]"}) {
    EXPECT_FALSE(Check(with(wrong)).ok()) << wrong;
  }
}

TEST_F(TykConfigTest, CiphersThatNobodyKnows) {
  EXPECT_TRUE(Check(R"({"proxy_ssl_ciphers": ["NOPE", "TLS_AES_128_GCM_SHA256"]})").ok());
  EXPECT_FALSE(Check(R"({"proxy_ssl_ciphers": ["NOPE"]})").ok());
}

}  // namespace
}  // namespace sallyport::authsvc::admin
