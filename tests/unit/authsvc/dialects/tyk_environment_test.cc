#include "authsvc/dialects/tyk_environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kFile[] = R"({
  "secret": "352d20ee",
  "proxy_ssl_insecure_skip_verify": true,
  "security": {"control_api_use_mutual_tls": true, "pinned_public_keys": {"a.test": "orgp1", "b.test": "orgp2"},
    "certificates": {"upstream": {"*": "orgd"}, "apis": ["orga"], "control_api": ["orgc"]}}})";

Conversion Laid(const std::vector<std::string>& environment, absl::string_view file = kFile) {
  auto nodes = ReadDocuments(file);
  EXPECT_TRUE(nodes.ok()) << nodes.status();
  ConvertOptions options = TestOptions();
  options.tyk_environment = environment;
  return ConvertTykGateway(nodes->front(), options);
}

v1::GatewaySettings Settings(const std::vector<std::string>& environment,
                             absl::string_view file = kFile) {
  const Conversion conversion = Laid(environment, file);
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.back().resource.settings();
}

TEST(TykEnvironment, Refused) {
  for (const char* entry : {"TYK_GW_SECURITY_ALLOWUNSAFEDYNAMICMTLSTOKEN=true",
                            "TYK_GW_ALLOWUNSAFEDYNAMICMTLSTOKEN=1",
                            "TYK_GW_SECURITY_SOMETHINGNEW=x",
                            "TYK_GW_SECURITY_PINNED_PUBLIC_KEYS=*:orgp",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEY=*:orgp",
                            "TYK_GW_SECURITY_CERTIFICATES_APIS=orga",
                            "TYK_GW_SECURITY_CERTIFICATES=orga",
                            "TYK_GW_SECURITY_=x",
                            "TYK_GW_security_certificates_api=orga",
                            "TYK_GW_PROXY_SSL_INSECURE_SKIP_VERIFY=false",
                            "TYK_GW_PROXYSSLINSECURESKIPVERIFI=false",
                            "TYK_GW_PROXYSSLCIPHERSUITE=X",
                            "TYK_GW_HTTPSERVEROPTIONS_SSLCERTIFICATE=orgs",
                            "TYK_GW_PROXYSSLINSECURESKIPVERIFY=yes",
                            "TYK_GW_PROXYSSLINSECURESKIPVERIFY=",
                            "TYK_GW_PROXYSSLINSECURESKIPVERIFY",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS= ",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=a.test",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:orgp1,orgp2",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=:orgp1",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=a.test:",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=a.test:orgp1,a.test:orgp2",
                            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=api-*.x:orgp1",
                            "TYK_GW_SECURITY_CERTIFICATES_UPSTREAM=[::1:orgd",
                            "TYK_GW_SECURITY_CERTIFICATES_UPSTREAM=*:/certs/default.pem",
                            "TYK_GW_SECURITY_CERTIFICATES_API=orga,,orgb",
                            "TYK_GW_SECURITY_CERTIFICATES_API=orga,",
                            "TYK_GW_PROXYSSLMINVERSION=1.2",
                            "TYK_GW_PROXYSSLMINVERSION=7",
                            "TYK_GW_PROXYSSLMAXVERSION=770"}) {
    EXPECT_FALSE(Laid({entry}).ok()) << entry;
  }
  EXPECT_THAT(Texts(Laid({"TYK_GW_SECURITY_PINNEDPUBLICKEY=*:orgp"}).errors),
              HasSubstr("TYK_GW_SECURITY_PINNEDPUBLICKEY: unknown variable; did you mean "
                        "TYK_GW_SECURITY_PINNEDPUBLICKEYS?"));
}

TEST(TykEnvironment, AFileThatIsNoObjectAtThePlaceStaysRefused) {
  EXPECT_FALSE(Laid({"TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:orgp"}, R"({"security": []})").ok());
  EXPECT_FALSE(
      Laid({"TYK_GW_SECURITY_CERTIFICATES_API=orga"}, R"({"security": {"certificates": "x"}})")
          .ok());
}

TEST(TykEnvironment, NoValueIsEverPartOfAMessage) {
  const Conversion conversion =
      Laid({"TYK_GW_SECRET=topsecret1", "TYK_GW_STORAGE_PASSWORD=topsecret2",
            "TYK_GW_SECURITY_PINNEDPUBLICKEYS=topsecret3",
            "TYK_GW_PROXYSSLINSECURESKIPVERIFY=topsecret4", "TYK_GW_SECURITY_UNKNOWN=topsecret5",
            "TYK_GW_PROXYSSLMINVERSION=topsecret6",
            "TYK_GW_SECURITY_PRIVATECERTIFICATEENCODINGSECRET=topsecret7"});
  EXPECT_FALSE(conversion.ok());
  EXPECT_THAT(Texts(conversion.errors) + Texts(conversion.warnings), Not(HasSubstr("topsecret")));
  for (const Converted& converted : conversion.resources) {
    EXPECT_FALSE(absl::StrContains(converted.resource.document(), "topsecret"));
  }
}

TEST(TykEnvironment, LiesOverTheFileAndSaysWhatItReplaces) {
  const std::vector<std::string> environment = {"PATH=/bin",
                                                "TYK_GW_SECURITY_CERTIFICATES_UPSTREAM=*:name:edge,"
                                                " h.test:443:orgh ,[::1]:8443:org6,[::2]:org7",
                                                "TYK_GW_SECURITY_PINNEDPUBLICKEYS=a.test:orgp9",
                                                "TYK_GW_SECURITY_CERTIFICATES_API=org1, org2",
                                                "TYK_GW_SECURITY_CERTIFICATES_CONTROLAPI=org3",
                                                "TYK_GW_SECURITY_CONTROLAPIUSEMUTUALTLS=FALSE",
                                                "TYK_GW_HTTPSERVEROPTIONS_SSLCERTIFICATES=orgs",
                                                "TYK_GW_PROXYSSLINSECURESKIPVERIFY=0",
                                                "TYK_GW_PROXYSSLMINVERSION=772",
                                                "TYK_GW_PROXYSSLCIPHERSUITES=TLS_A,TLS_B",
                                                "TYK_GW_SSLFORCECOMMONNAMECHECK=t"};
  const v1::GatewaySettings settings = Settings(environment);
  const auto& upstream = settings.upstream_certificates().certificate_ids();
  ASSERT_EQ(upstream.size(), 4);
  EXPECT_EQ(upstream.at("*"), "name:edge");
  EXPECT_EQ(upstream.at("h.test:443"), "orgh");
  EXPECT_EQ(upstream.at("[::1]:8443"), "org6");
  EXPECT_EQ(upstream.at("[::2]"), "org7");
  ASSERT_EQ(settings.pins().pins_size(), 1) << "the file's map is replaced whole";
  EXPECT_EQ(settings.pins().pins().at("a.test").certificate_ids(0), "orgp9");
  ASSERT_EQ(settings.client_allowlist_size(), 2);
  EXPECT_EQ(settings.client_allowlist(1).certificate_id(), "org2");
  EXPECT_EQ(settings.control_allowlist(0).certificate_id(), "org3");
  EXPECT_FALSE(settings.control_requires_certificate());
  EXPECT_EQ(settings.server_certificate_ids(0), "orgs");
  EXPECT_FALSE(settings.upstream_tls().insecure_skip_verify());
  EXPECT_EQ(settings.upstream_tls().min_version(), "1.3");
  EXPECT_THAT(settings.upstream_tls().ciphers(), ElementsAre("TLS_A", "TLS_B"));
  EXPECT_TRUE(settings.upstream_tls().force_common_name_check());
  const std::string warnings = Texts(Laid(environment).warnings);
  EXPECT_THAT(
      warnings,
      HasSubstr(
          "TYK_GW_SECURITY_PINNEDPUBLICKEYS: replaces security.pinned_public_keys of the file; "
          "no longer set: b.test"));
  EXPECT_THAT(
      warnings,
      HasSubstr(
          "TYK_GW_SECURITY_CONTROLAPIUSEMUTUALTLS: replaces security.control_api_use_mutual_tls "
          "of the file, which was on, by off"));
}

TEST(TykEnvironment, StandsAlone) {
  const v1::GatewaySettings settings = Settings(
      {"TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:orgp", "TYK_GW_HTTPSERVEROPTIONS_SSLCERTIFICATES=orgs"},
      "{}");
  EXPECT_EQ(settings.pins().pins().at("*").certificate_ids(0), "orgp");
  EXPECT_EQ(settings.server_certificate_ids(0), "orgs");
  EXPECT_THAT(Texts(Laid({"TYK_GW_PROXYSSLINSECURESKIPVERIFY=true"}, "{}").warnings),
              HasSubstr("INSECURE"));
}

TEST(TykEnvironment, VersionsOfListenersAndTheExpiryMonitor) {
  const v1::GatewaySettings settings = Settings(
      {"TYK_GW_HTTPSERVEROPTIONS_MINVERSION=772", "TYK_GW_HTTPSERVEROPTIONS_MAXVERSION=772",
       "TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_WARNINGTHRESHOLDDAYS=7",
       "TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_EVENTCOOLDOWNSECONDS=60"},
      R"({"http_server_options": {"min_version": 771},
          "security": {"certificate_expiry_monitor": {"warning_threshold_days": 30}}})");
  EXPECT_EQ(settings.server_min_version(), "1.3");
  EXPECT_EQ(settings.server_max_version(), "1.3");
  EXPECT_EQ(settings.expiry_monitor().warning_days(), 7u);
  EXPECT_EQ(settings.expiry_monitor().cooldown_seconds(), 60u);
  for (const char* wrong :
       {"TYK_GW_HTTPSERVEROPTIONS_MINVERSION=1.3", "TYK_GW_HTTPSERVEROPTIONS_MAXVERSION=770",
        "TYK_GW_HTTPSERVEROPTIONS_MINVERSIONS=772"}) {
    EXPECT_NE(Texts(Laid({wrong}, "{}").errors), "") << wrong;
  }
}

TEST(TykEnvironment, KeyPairsOfTheListenersAreJsonAsTykTakesThem) {
  const std::string name = "TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES=";
  for (const char* wrong :
       {"hidden.pem", "hidden.pem,hidden.key", "{", "{}", "[", "[]", "null", "[1]", "[[]]", "[{}]",
        R"([{"cert_file": "hidden"}])", R"([{"key_file": "hidden"}])",
        R"([{"cert_file": "hidden", "key_file": ""}])",
        R"([{"cert_file": 1, "key_file": "hidden"}])",
        R"([{"cert_file": "hidden", "key_file": "hidden", "hidden": "x"}])",
        R"([{"cert_file": "hidden", "key_file": "hidden", "key_file": "hidden"}])",
        R"([{"cert_file": "hidden", "key_file": "hidden"}] hidden)"}) {
    const Conversion conversion = Laid({name + wrong}, "{}");
    EXPECT_FALSE(conversion.ok()) << wrong;
    EXPECT_THAT(Texts(conversion.errors) + Texts(conversion.warnings),
                AllOf(HasSubstr("TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES"), HasSubstr("cert_file"),
                      Not(HasSubstr("hidden"))))
        << wrong;
  }
  EXPECT_THAT(
      Texts(Laid({name + R"([{"cert_file": "a", "key_file": "b"}, {"cert_file": "a"}])"}).errors),
      HasSubstr("entry 2 lacks key_file"));
  EXPECT_THAT(Texts(Laid({"TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES_0_CERTFILE=hidden"}).errors),
              AllOf(HasSubstr("write all pairs into TYK_GW_HTTPSERVEROPTIONS_CERTIFICATES"),
                    Not(HasSubstr("hidden"))));
}

TEST(TykEnvironment, WebSocketIsNotSwitchedOffUnseen) {
  EXPECT_THAT(Texts(Laid({"TYK_GW_HTTPSERVEROPTIONS_ENABLEWEBSOCKETS=false"}, "{}").warnings),
              HasSubstr("http_server_options.enable_websockets"));
  EXPECT_FALSE(Laid({"TYK_GW_HTTPSERVEROPTIONS_ENABLEWEBSOCKETS=no"}, "{}").ok());
}

TEST(TykEnvironment, WhatHasNoEffectIsNamedOnce) {
  const Conversion conversion =
      Laid({"TYK_GW_SECRET=x", "TYK_GW_LISTENPORT=8080", "TYK_GW_SECURITY_CERTIFICATES_MDCB=x",
            "TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_MAXWORKERS=5", "TYK_GWSECRET=x"},
           "{}");
  EXPECT_TRUE(conversion.ok()) << conversion.status();
  EXPECT_THAT(
      Texts(conversion.warnings),
      "without effect here: TYK_GW_LISTENPORT, TYK_GW_SECRET, "
      "TYK_GW_SECURITY_CERTIFICATEEXPIRYMONITOR_MAXWORKERS, TYK_GW_SECURITY_CERTIFICATES_MDCB\n");
  EXPECT_THAT(
      Texts(Laid({},
                 R"({"http_server_options": {"flush_interval": 5, "ssl_certificates": ["orgs"]}})")
                .warnings),
      "without effect here: http_server_options.flush_interval\n");
  EXPECT_FALSE(Laid({}, R"({"http_server_options": {"ssl_certificate": ["orgs"]}})").ok());
}

TEST(TykEnvironment, InUseAreThoseThatWouldBeTakenOrRefused) {
  EXPECT_THAT(TykVariablesInUse({"A=b", "TYK_GW_SECRET=x", "TYK_GW_SECURITY_PINNEDPUBLICKEYS=*:p",
                                 "TYK_GW_SECURITY_X=1"}),
              ElementsAre("TYK_GW_SECURITY_PINNEDPUBLICKEYS", "TYK_GW_SECURITY_X"));
  EXPECT_THAT(TykVariables({"A=b", "TYK_GW_SECRET=x"}), ElementsAre("TYK_GW_SECRET=x"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
