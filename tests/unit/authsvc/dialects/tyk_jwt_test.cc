// `enable_jwt` of Tyk Classic definitions.
#include "authsvc/dialects/tyk_jwt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

Json JwtDefinition() {
  return Json::parse(R"json({
    "name": "orders", "api_id": "a1", "org_id": "org", "active": true, "enable_jwt": true,
    "jwt_signing_method": "rsa", "jwt_source": "https://idp.example/keys",
    "jwt_policy_field_name": "pol", "strip_auth_data": true,
    "proxy": {"listen_path": "/orders/", "target_url": "https://up.example"},
    "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}}
  })json");
}

Conversion ConvertJwt(const std::string& patch = "{}") {
  Json json = JwtDefinition();
  json.merge_patch(Json::parse(patch));
  return ConvertText(ConvertTykClassic, json.dump());
}

const v1::TokenIssuer& IssuerOf(const Conversion& conversion) {
  return conversion.resources[conversion.resources.size() - 2].resource.token_issuer();
}

TEST(TykClassicJwt, MakesAnIssuerThatOnlyThisApiUses) {
  const Conversion conversion = ConvertJwt();
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::TokenIssuer& issuer = IssuerOf(conversion);
  EXPECT_EQ(issuer.id(), "tyk-api:a1");
  EXPECT_EQ(issuer.org_id(), "org");
  EXPECT_EQ(issuer.issuer(), "");  // only APIs that name it take its tokens
  EXPECT_EQ(issuer.jwks_url(), "https://idp.example/keys");
  EXPECT_THAT(issuer.algorithms(), Contains("PS512"));
  const v1::Api& api = conversion.resources.back().resource.api();
  ASSERT_EQ(api.jwts_size(), 1);
  EXPECT_EQ(api.jwts(0).requirement(), v1::REQUIREMENT_MANDATORY);
  EXPECT_THAT(api.jwts(0).issuer_ids(), ElementsAre("tyk-api:a1"));
  EXPECT_EQ(api.jwts(0).policy_claim(), "pol");
  EXPECT_TRUE(api.jwts(0).strip());
  EXPECT_FALSE(api.token().enabled());
}

TEST(TykClassicJwt, ReadsSourcesInEveryForm) {
  const std::string pem = testing::CertBuilder("CN=signer").SelfSign().Pem();
  const auto with_source = [](const std::string& source) {
    return ConvertJwt(Json{{"jwt_source", source}}.dump());
  };
  EXPECT_EQ(IssuerOf(with_source(absl::Base64Escape("https://b.example/k"))).jwks_url(),
            "https://b.example/k");
  for (const std::string& source : {pem, absl::Base64Escape(pem)}) {
    const Conversion conversion = with_source(source);
    ASSERT_THAT(Texts(conversion.errors), IsEmpty());
    EXPECT_EQ(IssuerOf(conversion).certificate_ids_size(), 1);
    EXPECT_TRUE(conversion.resources.front().resource.has_certificate());
  }
  EXPECT_EQ(
      IssuerOf(ConvertJwt(R"({"jwt_jwks_uris": [{"url": "https://c.example/k"}]})")).jwks_url(),
      "https://c.example/k");
}

TEST(TykClassicJwt, APublicSourceIsReadBackAndASecretIsNot) {
  EXPECT_THAT(ConvertJwt().resources.back().resource.document(),
              HasSubstr("https://idp.example/keys"));
  const Conversion off =
      ConvertJwt(R"({"enable_jwt": false, "use_keyless": true, "jwt_source": "c2VjcmV0"})");
  EXPECT_THAT(off.resources.back().resource.document(), ::testing::Not(HasSubstr("c2VjcmV0")));
}

TEST(TykClassicJwt, PoliciesByScope) {
  const Conversion conversion = ConvertJwt(
      R"json({"jwt_policy_field_name": "", "scopes": {"jwt": {"scope_claim_name": "permissions",
          "scope_to_policy": {"admin": "p1"}}}})json");
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(IssuerOf(conversion).scope_claims(), ElementsAre("permissions"));
  EXPECT_EQ(conversion.resources.back().resource.api().jwts(0).scope_policies().at("admin"), "p1");
}

TEST(TykClassicJwt, RefusesWhatWouldLetInTooMany) {
  for (const auto& [patch, text] : {
           std::pair(R"({"jwt_signing_method": "hmac"})", "shared secrets"),
           std::pair(R"({"jwt_signing_method": ""})", "rsa or ecdsa"),
           std::pair(R"({"jwt_source": ""})", "is missing"),
           std::pair(R"({"jwt_source": "bm90IGEga2V5"})", "neither an address"),
           std::pair(R"({"jwt_policy_field_name": ""})", "rights by policies"),
           std::pair(R"({"use_keyless": true})", "contradicts"),
           std::pair(R"({"jwt_issued_at_validation_skew": 86400})", "0 to 3600"),
           std::pair(R"({"jwt_disable_expires_at_validation": true})", "always checked"),
           std::pair(R"({"jwt_jwks_uris": [{"url": "https://a"}, {"url": "https://b"}]})",
                     "more than one"),
       }) {
    EXPECT_THAT(Texts(ConvertJwt(patch).errors), HasSubstr(text)) << patch;
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
