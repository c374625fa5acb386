#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "authsvc/dialects/apk/gateway_toml.h"
#include "authsvc/dialects/kube_documents.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

constexpr char kToml[] = R"(# of the chart
[adapter]
  certificateHeader = "not this one"
[enforcer.security.mutualSSL]
  certificateHeader = "X-HIDDEN"
  enableClientValidation = false
  clientCertificateEncode=true # of the load balancer
  # enableOutboundCertificateHeader = true
  enableOutboundCertificateHeader = true
[envoy.downstream.tls]
  mTLSAPIsEnabled = true
  trustedCertPath = "/etc/ssl/certs/hidden.crt"
[envoy.upstream.tls]
  trustedCertPath = "/etc/ssl/certs/ca-certificates.crt"
)";

TEST(ApkGatewayToml, EveryNameIsToldWithItsLineAndWhatToWrite) {
  const std::vector<std::string> told = UnreadSettings(kToml);
  EXPECT_THAT(told, ElementsAre(AllOf(StartsWith("line 5: "), HasSubstr("trustedProxies")),
                                AllOf(StartsWith("line 6: "), HasSubstr("no effect here")),
                                AllOf(StartsWith("line 7: "), HasSubstr("percent-encoded")),
                                AllOf(StartsWith("line 9: "), HasSubstr("identityForwarding")),
                                AllOf(StartsWith("line 11: "), HasSubstr("mtlsapisenabled")),
                                AllOf(StartsWith("line 12: "), HasSubstr("each API lists"))));
  EXPECT_THAT(absl::StrJoin(told, "\n"), AllOf(Not(HasSubstr("HIDDEN")), Not(HasSubstr("hidden"))));
  EXPECT_THAT(UnreadSettings("[router.downstream.tls]\r\nmTLSAPIsEnabled = true\r\n"), SizeIs(1));
  EXPECT_THAT(UnreadSettings("enforcer.security.mutualSSL.certificateHeader = 'x'"), SizeIs(1));
}

TEST(ApkGatewayToml, HoweverTheNameIsWritten) {
  for (const char* const text : {
           "[enforcer.security]\nmutualSSL = { certificateHeader = \"hidden\" }",
           "[enforcer]\nsecurity={mutualSSL={certificateHeader='hidden'}}",
           "enforcer = { other = [{a = \"}\"}, 'x'], security.mutualSSL . certificateHeader = 1 }",
           "enforcer = { a = {b = 1}, c = {}, security = {mutualSSL = {certificateHeader = 1}}}",
           "enforcer = {a = \"\\\"}\", security = {x = '\\', mutualSSL.certificateHeader = 1",
           "[ enforcer . \"security\" . 'mutualSSL' ]\n\"certificateHeader\" = 1",
           "[[enforcer.security.mutualSSL]]\ncertificateHeader = 1",
           "enforcer .security. 'mutualSSL'.\tcertificateHeader=\"hidden\"",
           "\"a=b\" = 1\n\"enforcer\".security.mutualSSL.CERTIFICATEHEADER = 1",
       }) {
    const std::vector<std::string> told = UnreadSettings(text);
    EXPECT_THAT(told, ElementsAre(AllOf(HasSubstr("mutualssl.certificateheader of WSO2 APK"),
                                        Not(HasSubstr("hidden")))))
        << text;
  }
  EXPECT_THAT(UnreadSettings("[router]\ndownstream = {tls = {trustedCertPath = '', "
                             "mTLSAPIsEnabled = true}, other = 1}"),
              ElementsAre(HasSubstr("downstream.tls.trustedcertpath"),
                          HasSubstr("downstream.tls.mtlsapisenabled")));
}

TEST(ApkGatewayToml, WhatIsNoneOfThem) {
  for (const char* text : {"",
                           "=",
                           "[",
                           "]\n=",
                           "[enforcer.security.mutualSSL",
                           "certificateHeader",
                           "certificateHeader = 1",
                           "# enforcer.security.mutualSSL.certificateHeader = 1",
                           "#a.enforcer.security.mutualSSL.certificateHeader = 1",
                           "[enforcer.security.mutualSSL]\ncertificateHeaders = 1",
                           "{\"a\": 1}",
                           "\"",
                           "'",
                           "a.",
                           ".a",
                           "\"\\",
                           "a = {",
                           "a = {}}",
                           "a = {,",
                           "a = {b",
                           "a = {b = ",
                           "a = {b = {",
                           "a = {b = \"}",
                           "a = {}\nmutualSSL = {certificateHeader = 1}",
                           "a = \"enforcer.security.mutualSSL.certificateHeader = 1\"",
                           "enforcer.security.mutualSSL = \"{certificateHeader = 1}\"",
                           "enforcer.security.mutualSSL = [{certificateHeader = 1}]",
                           "enforcer.security = {mutualSSL = {}, certificateHeader = 1}"}) {
    EXPECT_THAT(UnreadSettings(text), IsEmpty()) << text;
  }
}

TEST(ApkGatewayToml, DepthIsBounded) {
  std::string dotted, nested;
  for (int i = 0; i < 100'000; ++i) {
    dotted += "a.";
    nested += "a={";
  }
  EXPECT_THAT(UnreadSettings(dotted + "enforcer.security.mutualSSL.certificateHeader=1"),
              IsEmpty());
  EXPECT_THAT(UnreadSettings(nested), IsEmpty());
}

TEST(ApkGatewayToml, AConfigMapThatHoldsItIsKeptWithWarnings) {
  const Conversion conversion = ConvertText(ConvertKubernetes, R"(
apiVersion: v1
kind: ConfigMap
metadata: {name: apk-adapter-config, namespace: apk}
data:
  config.toml: |
    [enforcer.security.mutualSSL]
    certificateHeader = "X-HIDDEN"
  other.txt: |
    [enforcer.security.mutualSSL]
    certificateHeader = "X"
)");
  EXPECT_TRUE(conversion.ok()) << conversion.status();
  EXPECT_THAT(
      Texts(conversion.warnings),
      AllOf(HasSubstr("data.config.toml"), HasSubstr("line 2: enforcer.security.mutualssl."),
            HasSubstr("clientCertificateHeaders"), Not(HasSubstr("other.txt")),
            Not(HasSubstr("HIDDEN"))));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
