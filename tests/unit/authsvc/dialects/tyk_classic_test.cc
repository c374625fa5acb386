#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"
#include "tests/unit/authsvc/dialects/tyk_classic_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using classic::Api;
using classic::Base;
using classic::ConvertClassic;
using classic::With;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

TEST(TykClassic, TheSmallestDefinition) {
  const Conversion conversion = ConvertClassic(Base());
  const v1::Api api = Api(conversion);
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  EXPECT_EQ(api.id(), "a1");
  EXPECT_EQ(api.style(), "tyk");
  EXPECT_TRUE(api.keyless());
  EXPECT_FALSE(api.token().enabled());
  EXPECT_EQ(api.listen_path(), "/orders/");
  EXPECT_TRUE(api.strip_listen_path());
  EXPECT_FALSE(api.loose_prefix());
  ASSERT_EQ(api.upstream().targets_size(), 1);
  EXPECT_EQ(api.upstream().targets(0).url(), "https://up.example:8443/x");
  EXPECT_EQ(api.versions_size(), 1);
}

TEST(TykClassic, ReadsBackAsItWasPut) {
  Json json = Base();
  json["slug"] = "my-slug";
  json["x_unknown"] = {{"kept", 1}};
  const Conversion conversion = ConvertClassic(json);
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("x_unknown"));
  EXPECT_EQ(Json::parse(TykClassicJson(conversion.resources.back().resource)), json);
}

TEST(TykClassic, NoSchemeMeansAuthTokenWithAWarning) {
  const Conversion conversion = With(R"({"use_keyless": null})");
  EXPECT_TRUE(Api(conversion).token().enabled());
  EXPECT_FALSE(Api(conversion).keyless());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("use_keyless: true"));
}

TEST(TykClassic, StaticMtls) {
  const v1::Api api =
      Api(With(R"({"use_mutual_tls_auth": true, "client_certificates": ["orgaa", "name:ca"]})"));
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  ASSERT_EQ(api.client_tls().allowlist_size(), 2);
  EXPECT_EQ(api.client_tls().allowlist(1).certificate_id(), "name:ca");
}

TEST(TykClassic, AListWithoutItsSwitch) {
  EXPECT_THAT(Texts(With(R"({"client_certificates": ["x"]})").errors),
              HasSubstr("use_mutual_tls_auth"));
  const Conversion off = With(R"({"client_certificates": ["x"], "use_mutual_tls_auth": false})");
  EXPECT_EQ(Api(off).client_tls().static_mtls(), v1::REQUIREMENT_OFF);
  EXPECT_THAT(Texts(off.warnings), HasSubstr("client_certificates"));
  EXPECT_THAT(Texts(With(R"({"enable_ip_whitelisting": true})").errors),
              HasSubstr("allowed_ips is empty"));
  EXPECT_THAT(Texts(With(R"({"allowed_ips": ["10.0.0.1"]})").errors),
              HasSubstr("enable_ip_whitelisting"));
}

TEST(TykClassic, DynamicMtlsFromEitherPlace) {
  for (
      const char* patch :
      {R"({"use_keyless": false, "auth": {"use_certificate": true, "auth_header_name": "X-Key"}})",
       R"({"use_keyless": false, "auth_configs": {"authToken": {"use_certificate": true, "auth_header_name": "X-Key"}}})"}) {
    const v1::Api api = Api(With(patch));
    EXPECT_TRUE(api.client_tls().dynamic_mtls()) << patch;
    EXPECT_FALSE(api.token().enabled()) << patch;
    EXPECT_EQ(api.token().header_name(), "X-Key");
  }
}

TEST(TykClassic, ConfigDataIsForScripts) {
  EXPECT_EQ(
      Api(With(R"({"config_data": {"b": {"c": [1, "x", null]}, "a": 1.5}})")).script_config_json(),
      R"({"a":1.5,"b":{"c":[1,"x",null]}})");
  EXPECT_EQ(Api(With(R"({"config_data": {}})")).script_config_json(), "");
  EXPECT_EQ(
      Api(With(R"({"config_data": {"a": 1}, "config_data_disabled": true})")).script_config_json(),
      "");
  EXPECT_THAT(Texts(With(R"({"config_data": "x"})").errors), HasSubstr("config_data"));
  const Conversion secret = With(R"({"config_data": {"a": [{"Password": "p"}], "secret": "s"}})");
  EXPECT_THAT(Texts(secret.warnings), HasSubstr("is not sealed"));
  EXPECT_THAT(secret.resources.back().resource.document(), HasSubstr(R"("secret":"s")"))
      << "who writes back what was read changes nothing";
}

TEST(TykClassic, ExpirationEndsEveryVersion) {
  EXPECT_EQ(Api(With(R"({"expiration": "2026-01-02 15:04"})")).versions(0).expires_unix(),
            1767366240);
  EXPECT_THAT(Texts(With(R"({"expiration": "soon"})").errors), HasSubstr("expiration"));
  const v1::Api both = Api(With(
      R"({"expiration": "2026-01-02", "definition": {"location": "header", "key": "x-v"}, "version_data": {
    "not_versioned": false, "default_version": "a", "versions": {
      "a": {"name": "a", "expires": "2025-01-01 00:00"}, "b": {"name": "b"},
      "c": {"name": "c", "expires": "2027-01-01 00:00"}}}})"));
  for (const v1::ApiVersion& version : both.versions())
    EXPECT_EQ(version.expires_unix(), version.name() == "a" ? 1735689600 : 1767312000)
        << version.name();
}

TEST(TykClassic, CredentialsOfWebhooksAreNotKept) {
  const Conversion made = With(R"({"event_handlers": {"events": {"AuthFailure": [
    {"handler_name": "eh_web_hook_handler", "handler_meta": {"method": "POST", "target_path": "https://hook/x",
     "header_map": {"X-Team": "edge", "authorization": "Bearer hush", "X-Api-Key": "hush"}}}]}}})");
  const v1::EventHandler handler = Api(made).event_handlers(0);
  EXPECT_EQ(handler.headers().at("authorization"), "Bearer hush") << "the store seals it";
  const std::string& kept = made.resources.back().resource.document();
  EXPECT_THAT(kept, Not(HasSubstr("hush")));
  EXPECT_THAT(kept, HasSubstr(R"("X-Team":"edge")"));
  EXPECT_THAT(kept, HasSubstr(R"("authorization":"")"));
}

TEST(TykClassic, WarningsThatMatter) {
  EXPECT_THAT(
      Texts(With(R"({"proxy": {"target_url": "http://x/"}, "upstream_certificates": {"*": "id"}})")
                .warnings),
      HasSubstr("plain http"));
  EXPECT_THAT(
      Texts(With(R"({"proxy": {"transport": {"ssl_insecure_skip_verify": true}}})").warnings),
      HasSubstr("INSECURE"));
  EXPECT_THAT(Texts(With(R"({"unknown_thing": 1})").warnings), HasSubstr("unknown_thing"));
  EXPECT_THAT(Texts(With(R"({"active": null})").warnings), HasSubstr("active"));
}

TEST(TykClassic, DomainPortAndLoosePrefix) {
  const v1::Api api = Api(
      With(R"({"domain": "{?:a|b}.example.com", "listen_port": 9000, "strict_prefix": false})"));
  EXPECT_EQ(api.hosts(0), "{?:a|b}.example.com");
  EXPECT_EQ(api.listen_port(), 9000u);
  EXPECT_TRUE(api.loose_prefix());
  EXPECT_EQ(Api(With(R"({"domain": "x.test", "domain_disabled": true})")).hosts_size(), 0);
}

TEST(TykClassic, EndpointLists) {
  const Conversion conversion =
      With(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
      "extended_paths": {
        "ignored": [{"path": "/health", "method": "GET", "ignore_case": true}, {"path": "^/x", "disabled": true}],
        "white_list": [{"path": "/user/{id}", "method_actions": {"GET": {"action": "no_action"}, "post": {}}}],
        "black_list": [{"path": "^/admin"}]}}}}})");
  const v1::Api api = Api(conversion);
  const v1::ApiVersion& version = api.versions(0);
  ASSERT_EQ(version.ignored_size(), 1);
  EXPECT_TRUE(version.ignored(0).ignore_case());
  EXPECT_EQ(version.allowed(0).path(), "/user/([^/]+)");
  EXPECT_EQ(version.allowed(0).methods(1), "POST");
  EXPECT_EQ(version.blocked(0).methods_size(), 0);
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("exempts every path"));
}

TEST(TykClassic, Versions) {
  const v1::Api api =
      Api(With(R"({"definition": {"location": "url-param", "key": "v", "fallback_to_default": true},
    "version_data": {"not_versioned": false, "default_version": "v1", "versions": {"Default": null,
      "v1": {"name": "v1", "expires": "2030-01-02 15:04", "override_target": "http://old/"},
      "v2": {"name": "v2", "global_headers": {"X-A": "b"}, "global_headers_remove": ["X-C"], "global_size_limit": 10}}}})"));
  EXPECT_TRUE(api.versioning().enabled());
  EXPECT_EQ(api.versioning().location(), "url-param");
  EXPECT_EQ(api.versioning().default_version(), "v1");
  ASSERT_EQ(api.versions_size(), 2);
  EXPECT_EQ(api.versions(0).expires_unix(), 1893596640);
  EXPECT_EQ(api.versions(1).request_headers().set().at("X-A"), "b");
  EXPECT_EQ(api.versions(1).max_body_bytes(), 10);
}

TEST(TykClassic, InlinePemBecomesACertificate) {
  const auto pair = testing::CertBuilder("CN=up").SelfSign();
  Json json = Base();
  json["upstream_certificates"] = {{"*", pair.Pem() + pair.KeyPem()}};
  json["use_mutual_tls_auth"] = true;
  json["client_certificates"] = {pair.Pem() + pair.KeyPem()};
  const Conversion conversion = ConvertClassic(json);
  const std::string id = crypto::CertificateId("org", *pair.cert);
  const v1::Api api = Api(conversion);
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("*"), id);
  EXPECT_EQ(api.client_tls().allowlist(0).certificate_id(), id);
  int with_key = 0;
  for (const Converted& converted : conversion.resources)
    with_key += converted.private_key.empty() ? 0 : 1;
  EXPECT_EQ(with_key, 1);
  const std::string& document = conversion.resources.back().resource.document();
  EXPECT_FALSE(absl::StrContains(document, "PRIVATE")) << "secrets are replaced by references";
  EXPECT_THAT(document, HasSubstr(id));
}

TEST(TykClassic, MadeFromCoreResources) {
  v1::Resource resource = ConvertClassic(Base()).resources.back().resource;
  resource.set_dialect("native");
  const Json made = Json::parse(TykClassicJson(resource));
  EXPECT_EQ(made["api_id"], "a1");
  EXPECT_EQ(made["proxy"]["target_url"], "https://up.example:8443/x");
  const Conversion again = ConvertClassic(made);
  EXPECT_THAT(Texts(again.errors), IsEmpty());
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
