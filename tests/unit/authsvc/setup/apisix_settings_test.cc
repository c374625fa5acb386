// What an APISIX configuration says, and how it is followed while the service runs.
#include "authsvc/setup/apisix_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "authsvc/setup/apisix_config.h"
#include "shared/base/log.h"
#include "tests/fakes/temp_folder.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::authsvc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Builder = ::sallyport::testing::CertBuilder;

constexpr char kOwnKey[] = "4b227777d4dd1fc61c6f884f48641d02b4d121d3fd328cb08b5531fcacdabf8a";

class ApisixSettingsTest : public ::testing::Test {
 protected:
  ApisixSettingsTest() {
    own_.admin.keys.push_back({"own", kOwnKey, "admin"});
    own_.admin.apisix_strict_port = 9443;
    own_.apisix_config = folder_.File("config.yaml");
  }
  // As a whole: how editors and deployments do it.
  void Put(const std::string& name, const std::string& text) {
    std::ofstream(folder_.File(name + ".new")) << text;
    std::filesystem::rename(folder_.File(name + ".new"), folder_.File(name));
  }
  std::string Refusal(const std::string& text) {
    config::AuthsvcConfig config = own_;
    return std::string(TakeApisixConfig(text, &config).status().message());
  }
  config::AuthsvcConfig Taken(const std::string& text) {
    config::AuthsvcConfig config = own_;
    const auto taken = TakeApisixConfig(text, &config);
    EXPECT_TRUE(taken.ok()) << taken.status();
    return config;
  }
  static std::string KeyNamed(const std::string& name) {
    return absl::StrCat("deployment: {admin: {admin_key: [{name: ", name,
                        ", key: a key of the file, role: admin}]}}\n");
  }
  static std::vector<std::string> Names(const apisix::AdminApiSettings& settings) {
    std::vector<std::string> names;
    for (const auto& key : settings.keys) names.push_back(key.name);
    return names;
  }
  // Of a service that was started with this text.
  ApisixConfigFile Followed(const std::string& text) {
    Put("config.yaml", text);
    const config::AuthsvcConfig started = Taken(text);
    auto settings = ApisixSettings(started, {}, sallyport::testing::TestNow());
    EXPECT_TRUE(settings.ok()) << settings.status();
    return {own_, started, *std::move(settings), {}};
  }
  // Two looks: what stands still counts.
  static std::optional<apisix::AdminApiSettings> LookTwice(ApisixConfigFile& file) {
    EXPECT_FALSE(file.Look(sallyport::testing::TestNow()).has_value());
    return file.Look(sallyport::testing::TestNow());
  }

  sallyport::testing::TempFolder folder_;
  config::AuthsvcConfig own_;
};

TEST_F(ApisixSettingsTest, TheFallbackNameNeedsAListener) {
  EXPECT_EQ(Taken("apisix: {ssl: {fallback_sni: Fall.Test}}").admin.apisix_fallback_sni,
            "fall.test");
  for (const char* const name : {"'*.test'", "1.2.3.4", "'a b'"})
    EXPECT_THAT(Refusal(absl::StrCat("apisix: {ssl: {fallback_sni: ", name, "}}")),
                HasSubstr("must be a host name"));
  own_.admin.apisix_strict_port = 0;
  EXPECT_THAT(Refusal("apisix: {ssl: {fallback_sni: fall.test}}"),
              HasSubstr("needs admin.apisix_strict_port"));
}

TEST_F(ApisixSettingsTest, TrustedCertificatesAreOneFile) {
  const auto file = [&](const std::string& value) {
    return Taken(absl::StrCat("apisix: {ssl: {ssl_trusted_certificate: '", value, "'}}"))
        .admin.apisix_trusted_certificate_file;
  };
  EXPECT_EQ(file("/a.crt"), "/a.crt");
  EXPECT_EQ(file("system,/a.crt"), "/a.crt");
  EXPECT_EQ(file("system"), "");
  EXPECT_THAT(Refusal("apisix: {ssl: {ssl_trusted_certificate: '/a.crt,/b.crt'}}"),
              HasSubstr("one file"));
}

TEST_F(ApisixSettingsTest, TextsThatOpenKeysAreOneOrSeveral) {
  const auto texts = [&](const std::string& text) { return Taken(text).admin.apisix_keyring; };
  EXPECT_THAT(texts("apisix: {ssl: {key_encrypt_salt: sixteen letters!}}"),
              ElementsAre("sixteen letters!"));
  EXPECT_THAT(texts("apisix: {ssl: {key_encrypt_salt: [sixteen letters!, another sixteen!]}, "
                    "data_encryption: {enable: true, keyring: [a third sixteen!]}}"),
              ElementsAre("sixteen letters!", "another sixteen!", "a third sixteen!"));
  for (const char* const text :
       {"apisix: {ssl: {key_encrypt_salt: ''}}", "apisix: {ssl: {key_encrypt_salt: secret}}",
        "apisix: {data_encryption: {keyring: [sixteen letters!, secret]}}"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("16 characters"));
    EXPECT_THAT(Refusal(text), ::testing::Not(HasSubstr("secret")));
  }
}

TEST_F(ApisixSettingsTest, WhatIsNoAuthorityIsRefused) {
  const auto ca = Builder("CN=ca").Ca().SelfSign();
  const auto leaf = Builder("CN=leaf").SignBy(ca);
  config::AuthsvcConfig config = own_;
  config.admin.apisix_trusted_certificate_file = folder_.File("ca.crt");
  const auto settings = [&] { return ApisixSettings(config, {}, sallyport::testing::TestNow()); };
  EXPECT_THAT(std::string(settings().status().message()), HasSubstr("cannot read"));
  for (const auto& [text, message] :
       {std::pair<std::string, const char*>{leaf.Pem(), "is not a CA"},
        {ca.Pem() + ca.KeyPem(), "nothing else"},
        {"", "is empty"},
        {Builder("CN=old").Ca().Expired().SelfSign().Pem(), "has expired"},
        {"no pem", "PEM"}}) {
    Put("ca.crt", text);
    EXPECT_THAT(std::string(settings().status().message()), HasSubstr(message));
  }
  Put("ca.crt", Builder("CN=old").Ca().Expired().SelfSign().Pem() + ca.Pem());
  EXPECT_TRUE(settings().ok()) << "a restart does not fail when one of many has ended";
  Put("ca.crt", ca.Pem());
  ASSERT_TRUE(settings().ok());
  EXPECT_EQ(settings()->surroundings.trusted_certificates, ca.Pem());
}

TEST_F(ApisixSettingsTest, OnlyNamedVariablesAreThere) {
  own_.admin.apisix_environment = {"ONE", "MISSING"};
  const auto settings =
      ApisixSettings(own_, {"ONE=1", "ONEMORE=2", "SECRET=3"}, sallyport::testing::TestNow());
  ASSERT_TRUE(settings.ok());
  EXPECT_THAT(settings->surroundings.environment,
              ElementsAre(std::pair<const std::string, std::string>("MISSING", ""),
                          std::pair<const std::string, std::string>("ONE", "1")));
}

TEST_F(ApisixSettingsTest, AChangedFileIsTakenUpOnce) {
  ApisixConfigFile file = Followed(KeyNamed("first"));
  EXPECT_FALSE(LookTwice(file).has_value()) << "nothing has changed";
  Put("config.yaml", KeyNamed("second"));
  const auto again = LookTwice(file);
  ASSERT_TRUE(again.has_value());
  EXPECT_THAT(Names(*again), ElementsAre("own", "second"));
  EXPECT_FALSE(LookTwice(file).has_value());
}

TEST_F(ApisixSettingsTest, ABrokenFileChangesNothing) {
  ApisixConfigFile file = Followed(KeyNamed("first"));
  for (const char* const text :
       {"", "a: [", "deployment: {admin: {admin_key: [{name: x, key: short, role: admin}]}}",
        "deployment: {admin: {https_admn: true}}", "deployment: {admin: {admin_keys: []}}",
        "deplyment: {admin: {admin_key: []}}", "deployment: {admn: {}}",
        "deployment: {admin: {https_admin: true, admin_key: [{name: first, key: a key of the file, "
        "role: admin}], admin_api_mtls: {admin_ssl_cert: /none, admin_ssl_cert_key: /none}}}"}) {
    Put("config.yaml", text);
    EXPECT_FALSE(LookTwice(file).has_value()) << text;
  }
  std::filesystem::remove(folder_.File("config.yaml"));
  EXPECT_FALSE(LookTwice(file).has_value());
  Put("config.yaml", KeyNamed("third"));
  const auto again = LookTwice(file);
  ASSERT_TRUE(again.has_value());
  EXPECT_THAT(Names(*again), ElementsAre("own", "third"));
}

std::string Keys(const std::string& list, const std::string& more) {
  return absl::StrCat("deployment: {admin: {admin_key: [", list, "]}}\n", more);
}

TEST_F(ApisixSettingsTest, AKeyThatIsTakenOutOfABrokenFileIsGone) {
  const std::string one = "{name: one, key: the key number one, role: admin}";
  const std::string two = "{name: two, key: the key number two, role: admin}";
  const std::string viewer = "{name: two, key: the key number two, role: viewer}";
  const std::string added = "{name: new, key: the newest key of all, role: admin}";
  const std::string broken = "apisix: {ssl: {ssl_trusted_certificate: /none}}\n";
  const std::string misspelt = "apisix: {sll: {}}\n";
  for (const std::string& fault : {broken, misspelt}) {
    ApisixConfigFile file = Followed(Keys(one + "," + two, ""));
    Put("config.yaml", Keys(one + "," + two + "," + added, fault));
    EXPECT_FALSE(LookTwice(file).has_value()) << "nothing new is taken of it";
    Put("config.yaml", Keys(added + "," + one, fault));
    auto left = LookTwice(file);
    ASSERT_TRUE(left.has_value()) << fault;
    EXPECT_THAT(Names(*left), ElementsAre("own", "one"));
    EXPECT_FALSE(LookTwice(file).has_value());
    Put("config.yaml", Keys(one + "," + two, fault));
    EXPECT_FALSE(LookTwice(file).has_value()) << "what is gone comes back with a good file alone";
    Put("config.yaml", Keys("", fault));
    left = LookTwice(file);
    ASSERT_TRUE(left.has_value()) << fault;
    EXPECT_THAT(Names(*left), ElementsAre("own"));
  }
  ApisixConfigFile file = Followed(Keys(one + "," + two, ""));
  Put("config.yaml", Keys(one + "," + viewer, broken));
  auto left = LookTwice(file);
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(Names(*left), ElementsAre("own", "one")) << "it is no administrator's any more";
  Put("config.yaml", Keys(two, ""));
  left = LookTwice(file);
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(Names(*left), ElementsAre("own", "two"));
}

TEST_F(ApisixSettingsTest, AFileWithoutAListHasNoKeys) {
  for (const char* const text :
       {"deployment: {role: traditional}\n", "apisix: {ssl: {ssl_trusted_certificate: /none}}\n",
        "deployment: {admin: {https_admin: true, admin_api_mtls: {admin_ssl_cert: /none, "
        "admin_ssl_cert_key: /none}}}\n"}) {
    ApisixConfigFile file = Followed(KeyNamed("first"));
    Put("config.yaml", text);
    const auto left = LookTwice(file);
    ASSERT_TRUE(left.has_value()) << text;
    EXPECT_THAT(Names(*left), ElementsAre("own"));
  }
}

TEST_F(ApisixSettingsTest, TheLastKeysOfAllGoForOthersAlone) {
  own_.admin.keys.clear();
  for (const char* const text :
       {"deployment: {role: traditional}\n", "apisix: {ssl: {ssl_trusted_certificate: /none}}\n"}) {
    ApisixConfigFile file = Followed(KeyNamed("first"));
    Put("config.yaml", text);
    const auto left = LookTwice(file);
    if (left.has_value()) {
      EXPECT_THAT(Names(*left), ElementsAre("first")) << text;
    }
    Put("config.yaml",
        "deployment: {admin: {admin_key: [{name: second, key: another key of the "
        "file, role: admin}]}}\n");
    const auto others = LookTwice(file);
    ASSERT_TRUE(others.has_value());
    EXPECT_THAT(Names(*others), ElementsAre("second"));
  }
}

TEST_F(ApisixSettingsTest, TheLastKeysGoForThoseOfABrokenFileToo) {
  own_.admin.keys.clear();
  const std::string broken = "apisix: {ssl: {ssl_trusted_certificate: /none}}\n";
  const std::string next = "{name: next, key: another key of the file, role: admin}";
  ApisixConfigFile file = Followed(KeyNamed("leaked"));
  Put("config.yaml", Keys(next, broken));
  const auto left = LookTwice(file);
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(Names(*left), ElementsAre()) << "the next one counts when the rest is mended";
  Put("config.yaml", Keys(next, ""));
  const auto mended = LookTwice(file);
  ASSERT_TRUE(mended.has_value());
  EXPECT_THAT(Names(*mended), ElementsAre("next"));
}

TEST_F(ApisixSettingsTest, AViewerIsNobodyWhoCouldWriteTheNextKey) {
  own_.admin.keys.clear();
  const std::string admin = "{name: admin, key: the key number one, role: admin}";
  const std::string old = "{name: old, key: the key number two, role: viewer}";
  const std::string viewer = "{name: new, key: the key number three, role: viewer}";
  ApisixConfigFile file = Followed(Keys(admin + "," + old, ""));
  Put("config.yaml", Keys(viewer, ""));
  const auto left = LookTwice(file);
  ASSERT_TRUE(left.has_value());
  EXPECT_THAT(Names(*left), ElementsAre("new", "admin"));
  Put("config.yaml", Keys("", "apisix: {ssl: {ssl_trusted_certificate: /none}}\n"));
  const auto broken = LookTwice(file);
  ASSERT_TRUE(broken.has_value());
  EXPECT_THAT(Names(*broken), ElementsAre("admin"));
}

// deployment.admin with a listener: `port` 0 is the default.
std::string Listener(bool https, int port, const std::string& authority = "") {
  const std::string listen =
      port == 0 ? "" : absl::StrCat(", admin_listen: {ip: 127.0.0.1, port: ", port, "}");
  const std::string mtls =
      absl::StrCat(", admin_api_mtls: {admin_ssl_cert: /c, admin_ssl_cert_key: /k",
                   authority.empty() ? "" : absl::StrCat(", admin_ssl_ca_cert: ", authority), "}");
  return absl::StrCat("deployment: {admin: {https_admin: ", https ? "true" : "false", listen,
                      https || !authority.empty() ? mtls : "",
                      ", admin_key: [{name: file, key: a key of the file, role: admin}]}}");
}

TEST_F(ApisixSettingsTest, TheFileNeverTakesTheDemandForCertificatesAway) {
  config::AdminConfig& own = own_.admin;
  own.tls.path = "/tls";
  own.apisix_port = 9443;
  own.apisix_require_client_certificate = true;
  EXPECT_THAT(
      Refusal(Listener(false, 9999)),
      AllOf(HasSubstr("admin_listen.port"), HasSubstr("admin.apisix_require_client_certificate"),
            HasSubstr("https_admin")));
  EXPECT_THAT(Refusal(Listener(true, own.port)), HasSubstr("give admin.port another one"));
  auto taken = Taken(Listener(true, 9999)).admin;
  EXPECT_TRUE(taken.apisix_require_client_certificate);
  EXPECT_EQ(taken.apisix_authorities(), "/tls/ca.crt");
  taken = Taken(Listener(true, 9999, "/ca")).admin;
  EXPECT_TRUE(taken.apisix_require_client_certificate);
  EXPECT_EQ(taken.apisix_authorities(), "/ca");

  own.apisix_port = 0;
  own.apisix_require_client_certificate = false;
  own.require_client_certificate = true;
  EXPECT_THAT(Refusal(Listener(false, 9999)), HasSubstr("admin.require_client_certificate"));
  taken = Taken(Listener(true, 9999)).admin;
  EXPECT_TRUE(taken.require_client_certificate && taken.apisix_require_client_certificate);
  taken = Taken(Listener(true, own.port)).admin;
  EXPECT_TRUE(taken.require_client_certificate);
  EXPECT_EQ(taken.authorities(), "/tls/ca.crt");
  own.tls.path.clear();
  EXPECT_THAT(Refusal(Listener(true, own.port)),
              HasSubstr("is missing: admin.require_client_certificate"));

  own.require_client_certificate = false;
  own.apisix_plain_http_port = 9080;
  own.tls.path = "/tls";
  EXPECT_THAT(Refusal(Listener(true, 9999, "/ca")), HasSubstr("carries no certificate"));
  EXPECT_FALSE(Taken(Listener(true, 9999)).admin.apisix_require_client_certificate);
  own.apisix_plain_http_port = 0;
  EXPECT_THAT(Refusal(Listener(false, 0, "/ca")), HasSubstr("needs https_admin"));
}

TEST_F(ApisixSettingsTest, KeysOfAFileThatDemandsCertificatesCountWhereItDemandsThem) {
  const auto apart = [&](const std::string& text) {
    std::vector<std::string> names;
    const auto settings = ApisixSettings(Taken(text), {}, sallyport::testing::TestNow());
    EXPECT_TRUE(settings.ok());
    for (const auto& key : settings->keys) {
      if (key.apisix_only) names.push_back(key.name);
    }
    return names;
  };
  own_.admin.tls.path = "/tls";
  EXPECT_THAT(apart(Listener(true, 9999, "/ca")), ElementsAre("file"));
  EXPECT_THAT(apart(Listener(true, 9999)), ElementsAre());
  EXPECT_THAT(apart(Listener(true, own_.admin.port, "/ca")), ElementsAre()) << "one listener";
  EXPECT_THAT(apart(KeyNamed("plain")), ElementsAre());
  own_.admin.require_client_certificate = true;
  EXPECT_THAT(apart(Listener(true, 9999, "/ca")), ElementsAre()) << "both demand them";
}

TEST_F(ApisixSettingsTest, WhatAListenerDemandsOutlastsAFileThatDoesNotAnyMore) {
  const auto ca = Builder("CN=ca").Ca().SelfSign();
  const auto leaf = Builder("CN=authsvc").ServerAuth().SignBy(ca);
  Put("c", leaf.Pem());
  Put("k", leaf.KeyPem());
  own_.admin.tls.path = "/tls";
  const auto text = [&](const std::string& authority) {
    return absl::StrReplaceAll(Listener(true, 9999, authority),
                               {{"/c,", folder_.File("c,")}, {"/k", folder_.File("k")}});
  };
  ApisixConfigFile file = Followed(text("/ca"));
  Put("config.yaml", text(""));
  const auto left = LookTwice(file);
  ASSERT_TRUE(left.has_value());
  ASSERT_EQ(left->keys.size(), 2u);
  EXPECT_TRUE(left->keys[1].apisix_only);
  EXPECT_FALSE(left->keys[0].apisix_only);
}

TEST_F(ApisixSettingsTest, WhatNeedsARestartIsSaidUntilThereIsOne) {
  const auto with = [](const std::string& name, const std::string& port) {
    return absl::StrCat("deployment: {admin: {admin_listen: {ip: 127.0.0.1, port: ", port,
                        "}, admin_key: [{name: ", name,
                        ", key: a key of the file, role: admin}]}}");
  };
  ApisixConfigFile file = Followed(with("a", "9181"));
  const auto said = [&](const std::string& text) {
    Put("config.yaml", text);
    ::testing::internal::CaptureStderr();
    EXPECT_TRUE(LookTwice(file).has_value());
    base::FlushLog();
    return ::testing::internal::GetCapturedStderr();
  };
  EXPECT_THAT(said(with("b", "9182")), HasSubstr("needs_restart"));
  EXPECT_THAT(said(with("c", "9182")), HasSubstr("needs_restart")) << "it is still another port";
  EXPECT_THAT(said(with("d", "9181")), ::testing::Not(HasSubstr("needs_restart")));
}

TEST_F(ApisixSettingsTest, AFileThatItNamesCounts) {
  const auto ca = Builder("CN=ca").Ca().SelfSign();
  const std::string text =
      absl::StrCat("apisix: {ssl: {ssl_trusted_certificate: '", folder_.File("ca.crt"), "'}}\n");
  Put("ca.crt", ca.Pem());
  ApisixConfigFile file = Followed(text);
  EXPECT_FALSE(LookTwice(file).has_value());
  Put("ca.crt", "broken");
  EXPECT_FALSE(LookTwice(file).has_value());
  Put("ca.crt", Builder("CN=other").Ca().SelfSign().Pem());
  EXPECT_TRUE(LookTwice(file).has_value());
}

}  // namespace
}  // namespace sallyport::authsvc
