#include "authsvc/dialects/native.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "shared/crypto/digest.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

Conversion Native(absl::string_view body) {
  return ConvertText(ConvertNative, absl::StrCat("apiVersion: sallyport/v1\n", body));
}
const v1::Resource& Only(const Conversion& conversion) {
  static const v1::Resource kNone;
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? kNone : conversion.resources.back().resource;
}

TEST(Native, ApiWithShortEnumsAndMaps) {
  const Conversion conversion = Native(R"(kind: Api
id: a1
listenPath: /a/
hosts: [a.example]
clientTls:
  staticMtls: mandatory
  allowlist: [{certificateId: orgx, exact: true}]
upstream:
  targets: [{url: "https://up/", weight: 2}]
  clientCertificates: {certificateIds: {"*": orgc}}
limits: {rate: {rate: 2.5, perSeconds: 1}, quota: {max: "10"}}
)");
  const v1::Api& api = Only(conversion).api();
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  EXPECT_TRUE(api.client_tls().allowlist(0).exact());
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("*"), "orgc");
  EXPECT_EQ(api.limits().quota().max(), 10);
  EXPECT_EQ(api.org_id(), "org");
}

TEST(Native, SharedSecretsLeaveTheDocument) {
  constexpr char kSecret[] = "a secret of thirty-two bytes or more";
  for (const char* const name : {"sharedSecrets", "shared_secrets"}) {
    const Conversion conversion = Native(absl::StrCat(
        "kind: TokenIssuer\nid: i\nalgorithms: [HS256]\n", name, ": [\"", kSecret, "\"]\n"));
    ASSERT_TRUE(conversion.ok()) << conversion.status();
    const Converted& made = conversion.resources.back();
    ASSERT_EQ(made.shared_secrets.size(), 1u);
    EXPECT_EQ(made.shared_secrets[0].Reveal(), kSecret);
    EXPECT_TRUE(made.resource.token_issuer().shared_secrets().empty());
    EXPECT_EQ(made.resource.SerializeAsString().find("thirty-two"), std::string::npos);
  }
  // As they are stored they are nobody's to give, and texts alone are secrets.
  for (const char* const value : {"[{ciphertext: eA==}]", "[1]", "[[]]", "{a: b}", "text"}) {
    EXPECT_FALSE(Native(absl::StrCat("kind: TokenIssuer\nid: i\nsharedSecrets: ", value)).ok())
        << value;
  }
  v1::Resource sealed;
  sealed.mutable_token_issuer()->set_id("i");
  sealed.mutable_token_issuer()->add_shared_secrets()->set_ciphertext("x");
  EXPECT_EQ(NativeJson(sealed).find("haredSecrets"), std::string::npos);
}

TEST(Native, SpecAndMetadata) {
  const Conversion conversion =
      Native("kind: Policy\nmetadata: {name: gold}\nspec:\n  name: Gold\n  org_id: ''\n");
  EXPECT_EQ(Only(conversion).policy().id(), "gold");
  EXPECT_EQ(Only(conversion).policy().org_id(), "");
  EXPECT_FALSE(Native("kind: Policy\nmetadata: {name: gold}\nspec: {}\nname: x\n").ok());
}

TEST(Native, CertificateFromPem) {
  const auto pair = testing::CertBuilder("CN=c").SelfSign();
  const std::string pem =
      absl::StrReplaceAll(absl::StrCat(pair.Pem(), pair.KeyPem()), {{"\n", "\n    "}});
  const Conversion conversion =
      Native(absl::StrCat("kind: Certificate\nname: web\npem: |\n    ", pem, "\n"));
  const v1::Resource& resource = Only(conversion);
  EXPECT_EQ(resource.id(), crypto::CertificateId("org", *pair.cert));
  EXPECT_EQ(resource.certificate().name(), "web");
  EXPECT_FALSE(conversion.resources.back().private_key.empty());
  EXPECT_FALSE(resource.certificate().has_private_key());
  EXPECT_THAT(resource.document(), IsEmpty());
  const std::string shown = NativeJson(resource);
  EXPECT_THAT(shown, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_FALSE(absl::StrContains(shown, "PRIVATE"));
}

TEST(Native, KeyTokensAreHashed) {
  const Conversion conversion = Native("kind: Key\nid: k\ntoken: 0123456789abcdef0123\n");
  const v1::Resource& resource = Only(conversion);
  EXPECT_EQ(resource.key().token_sha256(0), crypto::Sha256("0123456789abcdef0123"));
  EXPECT_FALSE(absl::StrContains(resource.document(), "0123456789abcdef"));
  EXPECT_FALSE(absl::StrContains(NativeJson(resource), "tokenSha256"));
}

TEST(Native, EveryKind) {
  EXPECT_EQ(Only(Native("kind: GatewaySettings\ntrustedProxies: [10.0.0.0/8]\n")).id(), "gateway");
  EXPECT_EQ(Only(Native("kind: Listener\nid: l\naddress: '::'\nport: 8443\n")).listener().port(),
            8443u);
  EXPECT_EQ(Only(Native("kind: TrustBundle\nid: t\ncertificateIds: [a, b]\n"))
                .trust_bundle()
                .certificate_ids_size(),
            2);
}

class BadNative : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(BadNative, IsRefused) {
  const Conversion conversion = Native(GetParam().first);
  EXPECT_FALSE(conversion.ok()) << GetParam().first;
  EXPECT_THAT(Texts(conversion.errors), HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    All, BadNative,
    ::testing::Values(
        std::pair("kind: Apii\nid: a\n", "did you mean \"Api\""), std::pair("id: a\n", "kind"),
        std::pair("kind: Api\nlistenPath: /\n", "id"),
        std::pair("kind: Api\nid: a\nlisten_pth: /\n", "did you mean \"listen_path\""),
        std::pair("kind: Api\nid: a\nclientTls: {staticMtsl: mandatory}\n",
                  "did you mean \"staticMtls\""),
        std::pair("kind: Api\nid: a\nclientTls: {staticMtls: always}\n",
                  "off, optional, mandatory"),
        std::pair("kind: Api\nid: a\nclientTls: {staticMtls: true}\n", "must be a name"),
        std::pair("kind: Api\nid: a\nkeyless: yes\n", "true or false"),
        std::pair("kind: Api\nid: a\nkeyless: true\nKeyless: false\n", "Keyless"),
        std::pair("kind: Api\nid: a\nlistenPath: /\nlisten_path: /\n", "stands twice"),
        std::pair("kind: Api\nid: a\nlistenPort: -1\n", "out of range"),
        std::pair("kind: Api\nid: a\nlistenPort: 99999999999\n", "out of range"),
        std::pair("kind: Api\nid: a\nlistenPort: 1.5\n", "whole number"),
        std::pair("kind: Api\nid: a\nhosts: x\n", "must be a list"),
        std::pair("kind: Api\nid: a\nupstream: [1]\n", "must be an object"),
        std::pair("kind: Api\nid: a\nupstream: {clientCertificates: {certificateIds: [x]}}\n",
                  "must be an object"),
        std::pair("kind: GatewaySettings\nid: other\n", "gateway"),
        std::pair("kind: Key\nid: k\ntoken: short\n", "at least 16"),
        std::pair("kind: Key\nid: k\ntoken: "
                  "org0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n",
                  "certificate id"),
        std::pair("kind: Key\nid: k\ntokenSha256: [AAAA]\n", "32 bytes"),
        std::pair("kind: Key\nid: k\ntokenSha256: ['%%%']\n", "Base64"),
        std::pair("kind: Certificate\nname: x\n", "pem"),
        std::pair("kind: Certificate\npem: hello\n", "Failed to decode certificate"),
        std::pair("kind: Certificate\nprivateKey: {ciphertext: AAAA}\npem: x\n",
                  "made by the system"),
        std::pair("kind: Certificate\nchainDer: [AAAA]\npem: x\n", "made by the system")));

TEST(Native, RoundTrip) {
  const Conversion first = Native(
      "kind: Api\nid: a1\nlistenPath: /a/\nkeyless: true\nversions: [{ignored: [{path: ^/x}]}]\n");
  const std::string json = NativeJson(Only(first));
  const Conversion second = ConvertText(ConvertNative, json);
  EXPECT_EQ(Only(second).api().SerializeAsString(), Only(first).api().SerializeAsString()) << json;
}

TEST(Native, CredentialsOfWebhooksStayInNoDocument) {
  for (const char* value : {"Bearer hush", "12345678", "\"12345678\""}) {
    const Conversion conversion = Native(absl::StrCat(R"(kind: Api
id: a1
listenPath: /a/
eventHandlers:
- {event: AuthFailure, url: "https://h.test/x", headers: {X-Team: edge, authorization: )",
                                                      value, "}}\n"));
    const v1::Resource& made = Only(conversion);
    EXPECT_EQ(made.api().event_handlers(0).headers().at("authorization"), "");
    EXPECT_EQ(made.document().find("hush"), std::string::npos);
    EXPECT_EQ(made.document().find("12345678"), std::string::npos);
    EXPECT_THAT(made.document(), HasSubstr("edge"));
    const auto& secrets = conversion.resources.back().secret_data;
    ASSERT_EQ(secrets.count("event_handlers/authorization AuthFailure https://h.test/x"), 1u);
  }
}

TEST(Native, TwoValuesForOneHeaderOfAWebhookAreRefused) {
  const auto said = [](const char* headers, const char* event, const char* more) {
    const Conversion conversion = Native(absl::StrCat(
        "kind: Api\nid: a1\nlistenPath: /a/\neventHandlers:\n"
        "- {event: AuthFailure, url: https://h.test/x, headers: {",
        headers, "}}\n- {event: ", event, ", url: https://h.test/x, headers: {", more, "}}\n"));
    return std::string(conversion.status().message());
  };
  const std::string twice = "header Authorization has two values for one event and url";
  EXPECT_THAT(said("Authorization: a1", "AuthFailure", "Authorization: b1"), HasSubstr(twice));
  EXPECT_THAT(said("authorization: a1, Authorization: b1", "QuotaExceeded", ""), HasSubstr(twice));
  EXPECT_EQ(said("Authorization: a1", "QuotaExceeded", "Authorization: b1"), "");
  EXPECT_EQ(said("Authorization: a1", "AuthFailure", "Authorization: a1"), "");
}

TEST(Native, WhatToDoWithAnObjectOfApisixIsSaid) {
  v1::Resource resource;
  resource.mutable_dialect_object()->set_json(
      R"({"id":"1","uri":"/*","upstream":{"nodes":{"127.0.0.1:1":1}},"create_time":1,"update_time":1})");
  const auto shown = ReadJson(NativeJson(resource));
  ASSERT_TRUE(shown.ok()) << shown.status();
  std::string why;
  EXPECT_EQ(RecogniseDialect(*shown, &why), nullptr);
  EXPECT_THAT(why, HasSubstr("`sallyctl import apisix`"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
