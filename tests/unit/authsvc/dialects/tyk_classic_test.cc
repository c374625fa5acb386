#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

Json Base() {
  return Json::parse(R"({
    "name": "orders", "api_id": "a1", "org_id": "org", "active": true, "use_keyless": true,
    "proxy": {"listen_path": "/orders/", "target_url": "https://up.example:8443/x", "strip_listen_path": true},
    "version_data": {"not_versioned": true, "versions": {"Default": {"name": "Default"}}}
  })");
}

Conversion ConvertClassic(const Json& json) { return ConvertText(ConvertTykClassic, json.dump()); }

// The base with a JSON merge patch.
Conversion With(const std::string& patch) {
  Json json = Base();
  json.merge_patch(Json::parse(patch));
  return ConvertClassic(json);
}

v1::Api Api(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

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

TEST(TykClassic, ContradictionsAreRefused) {
  EXPECT_FALSE(With(R"({"use_standard_auth": true})").ok());
  EXPECT_FALSE(With(R"({"auth": {"use_certificate": true}})").ok());  // keyless would win in Tyk
  EXPECT_FALSE(With(R"({"use_keyless": false, "auth": {"use_certificate": true},
                        "auth_configs": {"authToken": {"use_certificate": false}}})")
                   .ok());
  EXPECT_FALSE(
      With(R"({"use_keyless": false, "auth_configs": {"jwt": {"use_certificate": true}}})").ok());
  EXPECT_FALSE(With(R"({"use_keyless": false, "auth": {"disable_header": true}})").ok());
}

class Refused : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(Refused, ByName) {
  const Conversion conversion = With(GetParam().first);
  EXPECT_FALSE(conversion.ok()) << GetParam().first;
  EXPECT_THAT(Texts(conversion.errors), HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    SecurityFeatures, Refused,
    ::testing::Values(
        std::pair(R"({"use_basic_auth": true, "use_keyless": true})", "use_keyless"),
        std::pair(R"({"use_basic_auth": true, "basic_auth": {"extract_from_body": true}})",
                  "extract_from_body"),
        std::pair(R"({"jwt_disable_expires_at_validation": true})", "times of a token"),
        std::pair(R"({"use_oauth2": true})", "use_oauth2"),
        std::pair(R"({"use_openid": true})", "use_openid"),
        std::pair(R"({"enable_signature_checking": true})", "enable_signature_checking"),
        std::pair(R"({"external_oauth": {"enabled": true}})", "external_oauth"),
        std::pair(R"({"custom_middleware": {"pre": [{"name": "x", "path": "x.js"}]}})",
                  "custom_middleware.pre"),
        std::pair(R"({"custom_middleware": {"auth_check": {"name": "x"}}})",
                  "custom_middleware.auth_check"),
        std::pair(R"({"custom_middleware_bundle": "b.zip"})", "custom_middleware_bundle"),
        std::pair(R"({"graphql": {"enabled": true}})", "graphql"),
        std::pair(R"({"internal": true})", "internal"),
        std::pair(R"({"protocol": "udp"})", "protocol"),
        std::pair(R"({"enable_proxy_protocol": true})", "enable_proxy_protocol"),
        std::pair(R"({"allow_unsafe_dynamic_mtls_token": true})",
                  "allow_unsafe_dynamic_mtls_token"),
        std::pair(R"({"auth": {"allow_unsafe_dynamic_mtls_token": true}})",
                  "allow_unsafe_dynamic_mtls_token"),
        std::pair(R"({"auth": {"validate_signature": true}})", "validate_signature"),
        std::pair(R"({"request_signing": {"is_enabled": true}})", "request_signing"),
        std::pair(R"({"base_identity_provided_by": "jwt_claim"})", "base_identity_provided_by"),
        std::pair(R"({"proxy": {"service_discovery": {"use_discovery_service": true}}})",
                  "service_discovery"),
        std::pair(R"({"definition": {"versions": {"v2": "other-api"}}})", "definition.versions"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"transform_jq": [{"path": "/x"}]}}}}})",
                  "transform_jq"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"virtual": [{"path": "/x"}]}}}}})",
                  "virtual"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"internal": [{"path": "/x"}]}}}}})",
                  "internal"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"mock_response": [{"path": "/x"}]}}}}})",
                  "mock_response"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"white_list": [{"path": "/x", "method_actions": {"GET": {"action": "reply"}}}]}}}}})",
                  "reply")));

INSTANTIATE_TEST_SUITE_P(
    Typos, Refused,
    ::testing::Values(
        std::pair(R"({"use_mutual_tls_atuh": true})", "did you mean \"use_mutual_tls_auth\""),
        std::pair(R"({"Use_Keyless": true})", "did you mean \"use_keyless\""),
        std::pair(R"({"client_certificate": []})", "did you mean \"client_certificates\""),
        std::pair(R"({"auth_configs": {"authToken": {"use_certficate": true}}})",
                  "use_certificate"),
        std::pair(R"({"auth_configs": {"authtoken": {}}})", "authToken"),
        std::pair(R"({"auth": {"something": 1}})", "auth.something"),
        std::pair(R"({"proxy": {"transport": {"ssl_insecure_skip_verfy": true}}})",
                  "ssl_insecure_skip_verify"),
        std::pair(R"({"proxy": {"transport": {"whatever": 1}}})", "proxy.transport.whatever"),
        std::pair(R"({"proxy": {"use_mutual_tls_auth": true}})", "no meaning at this place"),
        std::pair(R"({"global_rate_limit": {"rates": 1}})", "global_rate_limit.rates"),
        std::pair(R"({"pinned_public_key": {}})", "did you mean \"pinned_public_keys\""),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_path": true}}}})",
                  "use_extended_paths"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"whitelist": []}}}}})",
                  "white_list")));

INSTANTIATE_TEST_SUITE_P(
    WrongValues, Refused,
    ::testing::Values(
        std::pair(R"({"api_id": null})", "api_id"), std::pair(R"({"api_id": "a/b"})", "api_id"),
        std::pair(R"({"use_keyless": "true"})", "without quotes"),
        std::pair(R"({"use_mutual_tls_auth": 1})", "use_mutual_tls_auth"),
        std::pair(R"({"client_certificates": "x", "use_mutual_tls_auth": true})",
                  "client_certificates"),
        std::pair(R"({"client_certificates": [null], "use_mutual_tls_auth": true})",
                  "client_certificates[0]"),
        std::pair(R"({"client_certificates": ["/etc/ca.pem"], "use_mutual_tls_auth": true})",
                  "file path"),
        std::pair(R"({"client_certificates": ["a b"], "use_mutual_tls_auth": true})",
                  "not a certificate id"),
        std::pair(R"({"auth": []})", "must be an object, is a list"),
        std::pair(R"({"proxy": {"listen_path": "orders"}})", "listen_path"),
        std::pair(R"({"proxy": {"listen_path": "/{id}/"}})", "listen_path"),
        std::pair(R"({"proxy": {"target_url": "tcp://x"}})", "target_url"),
        std::pair(R"({"proxy": {"target_url": "h2c://u@x"}})", "password"),
        std::pair(R"({"proxy": {"target_url": "https://u:p@x/"}})", "password"),
        std::pair(R"({"proxy": {"target_url": "env://X"}})", "elsewhere"),
        std::pair(R"({"proxy": {"target_url": ""}})", "target_url"),
        std::pair(R"({"proxy": {"enable_load_balancing": true}})", "target_list"),
        std::pair(R"({"listen_port": 70000})", "listen_port"),
        std::pair(R"({"domain": "a..b"})", "domain"),
        std::pair(R"({"upstream_certificates": {"https://x": "id"}})", "upstream_certificates"),
        std::pair(R"({"upstream_certificates": {"x": ""}})", "[\"x\"]"),
        std::pair(R"({"upstream_certificates": {"api-*.x": "id"}})", "upstream_certificates"),
        std::pair(R"({"upstream_certificates": ["id"]})", "must be an object"),
        std::pair(R"({"pinned_public_keys": {"x": ""}})", "pinned_public_keys"),
        std::pair(R"({"pinned_public_keys": {"x": "a,,b"}})", "pinned_public_keys"),
        std::pair(R"({"proxy": {"transport": {"proxy_url": "p:3128"}}})", "proxy_url"),
        std::pair(R"({"proxy": {"transport": {"Proxy_URL": "http://p:3128"}}})", "Proxy_URL"),
        std::pair(R"({"proxy": {"transport": {"ssl_max_version": 770}}})", "ssl_max_version"),
        std::pair(R"({"proxy": {"transport": {"ssl_min_version": 5}}})", "ssl_min_version"),
        std::pair(R"({"proxy": {"transport": {"ssl_min_version": 772, "ssl_max_version": 771}}})",
                  "lower"),
        std::pair(R"({"global_rate_limit": {"rate": 5}})", "per"),
        std::pair(R"({"enable_ip_blacklisting": true, "blacklisted_ips": ["10.0.0.0/33"]})",
                  "blacklisted_ips[0]"),
        std::pair(
            R"({"CORS": {"enable": true, "allowed_origins": ["*"], "allow_credentials": true}})",
            "CORS"),
        std::pair(R"({"version_data": {"versions": {"Default": {"expires": "soon"}}}})", "expires"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"white_list": [{"path": "("}]}}}}})",
                  "regular expression"),
        std::pair(R"({"version_data": {"versions": {"Default": {"use_extended_paths": true,
              "extended_paths": {"white_list": [{"path": "/x", "method": "GE T"}]}}}}})",
                  "method"),
        std::pair(R"({"version_data": {"versions": {"Default": {"extended_paths":
              {"white_list": [{"path": "/x"}]}}}}})",
                  "use_extended_paths")));

TEST(TykClassic, WhatIsOffOrEmptyIsNotRefused) {
  const Conversion conversion = With(R"({
    "use_basic_auth": false, "enable_jwt": false, "use_oauth2": false, "use_openid": false, "graphql": {"enabled": false,
      "execution_mode": "proxyOnly"}, "custom_middleware": {"pre": [], "post": null, "driver": "otto",
      "auth_check": {"name": "", "path": "", "require_session": false}}, "external_oauth": {"enabled": false, "providers": []},
    "cache_options": {"cache_timeout": 60, "enable_cache": false}, "uptime_tests": {"check_list": [], "config": {"expire_utime_after": 0}},
    "event_handlers": {"events": {}}, "jwt_signing_method": "", "auth_provider": {"name": "", "storage_engine": ""},
    "internal": false, "CORS": {"enable": false, "max_age": 24}, "definition": {"location": "header", "key": "x-api-version"}})");
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
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

TEST(TykClassic, UpstreamCertificatesAndPins) {
  const v1::Api api = Api(With(R"({
    "upstream_certificates": {"*": "orgd", "up.example:8443": "orge"}, "upstream_certificates_disabled": false,
    "pinned_public_keys": {"up.example": " orgp1 , orgp2"}, "certificate_pinning_disabled": true,
    "proxy": {"transport": {"ssl_insecure_skip_verify": true, "ssl_min_version": 769, "ssl_max_version": 772,
                            "ssl_ciphers": ["A"], "ssl_force_common_name_check": true}}})"));
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("*"), "orgd");
  EXPECT_FALSE(api.upstream().client_certificates().disabled());
  const v1::PinList& pins = api.upstream().pins().pins().at("up.example");
  ASSERT_EQ(pins.certificate_ids_size(), 2);
  EXPECT_EQ(pins.certificate_ids(0), "orgp1");
  EXPECT_EQ(pins.certificate_ids(1), "orgp2");
  EXPECT_TRUE(api.upstream().pins().disabled());
  EXPECT_TRUE(api.upstream().tls().insecure_skip_verify());
  EXPECT_EQ(api.upstream().tls().min_version(), "1.0");
  EXPECT_EQ(api.upstream().tls().max_version(), "1.3");  // Q16: never lowered
}

TEST(TykClassic, OldTlsIsLoudAndNeedsAMinimum) {
  const auto with = [](const std::string& transport) {
    return With(absl::StrCat(R"({"proxy": {"transport": )", transport, "}}"));
  };
  const Conversion old = with(R"({"ssl_min_version": 770, "ssl_max_version": 770})");
  EXPECT_EQ(Api(old).upstream().tls().max_version(), "1.1");
  EXPECT_THAT(Texts(old.warnings), HasSubstr("INSECURE: TLS 1.1"));
  for (const char* wrong : {R"({"ssl_max_version": 770})", R"({"ssl_max_version": 769})",
                            R"({"ssl_min_version": 770, "ssl_max_version": 769})"}) {
    EXPECT_THAT(Texts(with(wrong).errors), HasSubstr("is lower than the minimum")) << wrong;
  }
}

TEST(TykClassic, PinsOfPemAndIdsInOneText) {
  const std::string one = testing::CertBuilder("CN=one").SelfSign().Pem();
  const std::string two = testing::CertBuilder("CN=two").SelfSign().Pem();
  const auto pins = [](const std::string& text) {
    nlohmann::json definition = {{"pinned_public_keys", {{"*", text}}}};
    return With(definition.dump());
  };
  for (const std::string& text :
       {absl::StrCat(one, ",orgp1, ", two), absl::StrCat("orgp1,", one, ",", two),
        absl::StrReplaceAll(absl::StrCat(one, " , ", two, ",orgp1"), {{"\n", " "}})}) {
    const Conversion made = pins(text);
    EXPECT_EQ(Texts(made.errors), "") << text;
    EXPECT_EQ(Api(made).upstream().pins().pins().at("*").certificate_ids_size(), 3) << text;
    EXPECT_EQ(made.resources.size(), 3u);
    const std::string& kept = made.resources.back().resource.document();
    EXPECT_THAT(kept, Not(HasSubstr("BEGIN")));
    EXPECT_THAT(kept, HasSubstr("orgp1"));
    const Conversion again = pins(nlohmann::json::parse(kept)["pinned_public_keys"]["*"]);
    EXPECT_EQ(Api(again).upstream().pins().SerializeAsString(),
              Api(made).upstream().pins().SerializeAsString());
  }
  // Looked through once, whatever stands there.
  EXPECT_NE(Texts(pins(std::string(3'000'000, ',') + one).errors), "");
  std::string blocks;
  for (int i = 0; i < 100'000; ++i) blocks += "-----BEGIN X,";
  EXPECT_NE(Texts(pins(blocks).errors), "");
  // As `openssl x509 -text` prints it.
  const Conversion printed = pins(absl::StrCat("Issuer: O = a, CN = b\n", one));
  EXPECT_EQ(Api(printed).upstream().pins().pins().at("*").certificate_ids_size(), 1);
  EXPECT_NE(Texts(pins(absl::StrCat("not an id,", one)).errors), "");
  EXPECT_NE(Texts(pins(absl::StrCat(one, ",-----BEGIN CERTIFICATE-----")).errors), "");
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

TEST(TykClassic, CustomMiddlewareIsRefusedByName) {
  const auto with = [](const std::string& middleware) {
    return Texts(With(absl::StrCat(R"({"custom_middleware": )", middleware, "}")).errors);
  };
  for (const char* phase : {"pre", "post", "post_key_auth", "auth_check", "response",
                            "traffic_logs", "auth_chek", "id_extractor", "of_tomorrow"}) {
    EXPECT_THAT(with(absl::StrCat("{\"", phase, R"(": {"name": "x"}})")),
                HasSubstr(absl::StrCat("custom_middleware.", phase)));
    EXPECT_THAT(with(absl::StrCat("{\"", phase, R"(": [{"name": "x", "path": "x.js"}]})")),
                HasSubstr(absl::StrCat("custom_middleware.", phase)));
  }
  // As Tyk's dashboard writes it where there is none.
  EXPECT_EQ(with(R"({"pre": [], "post": null, "driver": "otto", "response": [],
                     "auth_check": {"name": "", "path": "", "require_session": false, "raw_body_only": false},
                     "id_extractor": {"extract_from": "", "extract_with": "", "extractor_config": {}}})"),
            "");
}

TEST(TykClassic, NoPinBesideABlockIsLeftOut) {
  const auto said = [](const std::string& pins) {
    nlohmann::json patch;
    patch["pinned_public_keys"]["*"] = pins;
    return Texts(With(patch.dump()).errors);
  };
  const std::string one = sallyport::testing::CertBuilder("CN=one").SelfSign().Pem();
  const std::string two = sallyport::testing::CertBuilder("CN=two").SelfSign().Pem();
  EXPECT_THAT(said(one + "\n," + two + "\n,/etc/tyk/pin3.pem"), HasSubstr("a file path"));
  EXPECT_THAT(said(one + "\n,  pin3.pem ," + two), HasSubstr("a file path"));
  EXPECT_THAT(said(one + ",what is this"), HasSubstr("is not a certificate id"));
  EXPECT_THAT(said(one + "," + two), IsEmpty());
  EXPECT_THAT(said("subject=/C=US/O=a, Inc/CN=b,c\n" + one), IsEmpty()) << "as openssl prints it";
  EXPECT_THAT(said("subject=CN=a,O=b\n" + one + "subject=CN=c,O=d\n"), IsEmpty());
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

TEST(TykClassic, LoadBalancingCountsRepeatedTargets) {
  const v1::Api api = Api(With(R"({"proxy": {"enable_load_balancing": true,
      "target_list": ["http://a/", "http://b/", "http://a/"]}})"));
  ASSERT_EQ(api.upstream().targets_size(), 2);
  EXPECT_EQ(api.upstream().targets(0).weight(), 2u);
  EXPECT_EQ(api.upstream().targets(1).weight(), 1u);
}

// `tests`: the check_list; both targets, and the switch, are there.
Conversion WithUptimeTests(const std::string& tests) {
  return With(R"({"proxy": {"enable_load_balancing": true, "check_host_against_uptime_tests": true,
      "target_list": ["https://a:8443/base", "https://b/"]}, "uptime_tests": {"check_list": )" +
              tests + "}}");
}

TEST(TykClassic, UptimeTestsAreHealthChecks) {
  const Conversion conversion =
      WithUptimeTests(R"([{"url": "https://A:8443/up?x=1", "timeout": 1500000000, "method": "head"},
                          {"url": "https://b/up?x=1", "method": "HEAD", "headers": {}, "body": ""}])");
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  const v1::HealthCheck check = Api(conversion).upstream().health_check();
  EXPECT_TRUE(check.enabled());
  EXPECT_EQ(check.path(), "/up?x=1");
  EXPECT_EQ(check.method(), "HEAD");
  EXPECT_EQ(check.interval_ms(), 10'000u);
  EXPECT_EQ(check.timeout_ms(), 1'500u);
  EXPECT_EQ(check.unhealthy_after(), 3u);
  ASSERT_EQ(check.statuses_size(), 1);
  EXPECT_EQ(check.statuses(0), 200u);
  EXPECT_EQ(
      Api(WithUptimeTests(R"(["https://a:8443", "https://b"])")).upstream().health_check().path(),
      "/");
}

TEST(TykClassic, UptimeTestsWithoutAnEquivalentAreToldAndLeaveTheTargetsUnchecked) {
  const auto warns = [](const Conversion& conversion, const char* text) {
    EXPECT_THAT(Texts(conversion.errors), IsEmpty());
    EXPECT_THAT(Texts(conversion.warnings), HasSubstr(text));
    EXPECT_FALSE(Api(conversion).upstream().health_check().enabled());
  };
  warns(WithUptimeTests(R"([{"url": "a:8443", "protocol": "tcp"}])"), "only HTTP checks");
  warns(WithUptimeTests(R"([{"url": "https://b/", "commands": [{"name": "send"}]}])"), "commands");
  warns(WithUptimeTests(R"([{"url": "https://b/", "body": "x"}])"), "body");
  warns(WithUptimeTests(R"([{"url": "https://b/", "headers": {"A": "b"}}])"), "headers");
  warns(WithUptimeTests(R"([{"url": "https://b/", "method": "POST"}])"), "GET or HEAD");
  warns(WithUptimeTests(R"([{"url": "https://a:8443/x"}, {"url": "https://b/y"}])"),
        "the same path");
  warns(WithUptimeTests(R"([{"url": "https://elsewhere/"}])"), "none of proxy.target_list");
  warns(With(R"({"uptime_tests": {"check_list": ["http://x/"]}})"),
        "check_host_against_uptime_tests is off");
  warns(
      With(
          R"({"proxy": {"check_host_against_uptime_tests": true}, "uptime_tests": {"check_list": ["http://x/"]}})"),
      "without a second target");
}

TEST(TykClassic, DomainPortAndLoosePrefix) {
  const v1::Api api = Api(
      With(R"({"domain": "{?:a|b}.example.com", "listen_port": 9000, "strict_prefix": false})"));
  EXPECT_EQ(api.hosts(0), "{?:a|b}.example.com");
  EXPECT_EQ(api.listen_port(), 9000u);
  EXPECT_TRUE(api.loose_prefix());
  EXPECT_EQ(Api(With(R"({"domain": "x.test", "domain_disabled": true})")).hosts_size(), 0);
}

constexpr char kStream[] =
    R"({"protocol": "tls", "listen_port": 5432, "proxy": {"listen_path": null,
        "strip_listen_path": null, "target_url": "TLS://Db.example:5433"}})";

// The base as an API of protocol tls, with a JSON merge patch.
Conversion Stream(const std::string& patch) {
  Json json = Base();
  json.merge_patch(Json::parse(kStream));
  json.merge_patch(Json::parse(patch));
  return ConvertClassic(json);
}

TEST(TykClassicStream, HasItsPortAndNothingOfHttp) {
  const Conversion conversion = Stream("{}");
  const v1::Api api = Api(conversion);
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  EXPECT_EQ(api.protocol(), "tls");
  EXPECT_EQ(api.listen_port(), 5432u);
  EXPECT_EQ(api.listen_path(), "/");
  EXPECT_TRUE(api.versions().empty());
  ASSERT_EQ(api.upstream().targets_size(), 1);
  EXPECT_EQ(api.upstream().targets(0).url(), "tls://db.example:5433");
  EXPECT_FALSE(api.proxy_protocol());
  EXPECT_EQ(Api(Stream(R"({"protocol": "tcp"})")).protocol(), "tcp");
}

TEST(TykClassicStream, AnnouncedClients) {
  const Conversion conversion = Stream(R"({"enable_proxy_protocol": true})");
  EXPECT_TRUE(Api(conversion).proxy_protocol());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("tcp_apis.proxy_protocol_from"));
}

TEST(TykClassicStream, UpstreamCertificatesGoByTheTargetsHost) {
  const auto warnings = [](const std::string& proxy) {
    return Texts(Stream(R"({"upstream_certificates": {"db.example": "id"}, "proxy": {)" + proxy +
                        R"("enable_load_balancing": true, "target_list": ["tls://a.example:1"]}})")
                     .warnings);
  };
  EXPECT_THAT(warnings(""), HasSubstr("by the host of each target"));
  EXPECT_THAT(warnings(R"("target_url": "tcp://a.example:1",)"),
              Not(HasSubstr("by the host of each target")));
}

class StreamRefused : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(StreamRefused, ByName) {
  const Conversion conversion = Stream(GetParam().first);
  EXPECT_FALSE(conversion.ok()) << GetParam().first;
  EXPECT_THAT(Texts(conversion.errors), HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    TykClassic, StreamRefused,
    ::testing::Values(
        std::pair(R"({"listen_port": 0})", "listen_port"),
        std::pair(R"({"listen_port": 70000})", "listen_port"),
        std::pair(R"({"use_keyless": false})", "no way to present a token"),
        std::pair(R"({"use_keyless": false, "use_standard_auth": true})",
                  "no way to present a token"),
        std::pair(R"({"protocol": "tcp", "domain": "db.example"})", "domain"),
        std::pair(R"({"proxy": {"target_url": "https://db.example:5433"}})", "tcp:// or tls://"),
        std::pair(R"({"proxy": {"target_url": "tls://db.example"}})", "its port"),
        std::pair(R"({"proxy": {"target_url": "tls://db.example:5433/x"}})", "its port"),
        std::pair(R"({"proxy": {"target_url": "tls://a:b@db.example:5433"}})", "user name"),
        std::pair(R"({"CORS": {"enable": true, "allowed_origins": ["https://a.example"]}})",
                  "CORS"),
        std::pair(R"({"version_data": {"not_versioned": true, "versions": {"Default": {
                    "name": "Default", "global_headers": {"X-A": "b"}}}}})",
                  "version_data"),
        std::pair(R"({"version_data": {"not_versioned": true, "versions": {"Default": {
                    "name": "Default", "use_extended_paths": false,
                    "paths": {"black_list": ["/admin"]}}}}})",
                  "version_data")));

TEST(TykClassicStream, ItsTargetsAreNotThoseOfHttp) {
  EXPECT_THAT(Texts(With(R"({"proxy": {"target_url": "tls://up.example:1"}})").errors),
              HasSubstr("http://"));
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

TEST(TykClassic, VersionsThatCannotBeServed) {
  EXPECT_FALSE(With(R"({"version_data": {"not_versioned": false}})").ok());  // no key
  EXPECT_FALSE(
      With(
          R"({"definition": {"key": "v"}, "version_data": {"not_versioned": false, "default_version": "v9"}})")
          .ok());
  EXPECT_FALSE(
      With(
          R"({"definition": {"key": "v", "location": "cookie"}, "version_data": {"not_versioned": false}})")
          .ok());
  EXPECT_FALSE(With(R"({"version_data": {"versions": {"Default": null, "a": {}, "b": {}}}})").ok());
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

TEST(TykClassic, InlinePemThatCannotBeUsed) {
  const auto expired = testing::CertBuilder("CN=old").Expired().SelfSign();
  Json json = Base();
  json["upstream_certificates"] = {{"*", expired.Pem()}};
  EXPECT_THAT(Texts(ConvertClassic(json).errors), HasSubstr("certificate is expired"));
  json["upstream_certificates"] = {
      {"*", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}};
  EXPECT_FALSE(ConvertClassic(json).ok());
}

TEST(TykClassic, EveryRefusalNamesItsLine) {
  const Conversion conversion =
      ConvertText(ConvertTykClassic, "{\n\"proxy\": {},\n\"use_oauth2\": true\n}");
  EXPECT_THAT(Texts(conversion.errors), HasSubstr("use_oauth2 (line 3)"));
}

TEST(TykClassic, NotAnObject) {
  EXPECT_FALSE(ConvertText(ConvertTykClassic, "[1]").ok());
  EXPECT_FALSE(ConvertText(ConvertTykClassic, "{}").ok());
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

TEST(TykClassic, AHeaderForUpstreamsThatIsMisspeltIsRefused) {
  const auto with = [](const std::string& more) {
    return With(absl::StrCat(R"({"upstream_auth": {"enabled": true, "basic_auth": {"enabled": true,
        "username": "u", )",
                             more, "}}}"));
  };
  const Conversion good =
      with(R"("password": "p", "header": {"enabled": true, "name": "X-Login"})");
  EXPECT_EQ(Api(good).upstream().credential().header(), "X-Login");
  EXPECT_THAT(Texts(good.warnings), Not(HasSubstr("password")));
  EXPECT_THAT(
      Texts(with(R"("password": "p", "header": {"enabled": true, "nmae": "X-Login"})").errors),
      HasSubstr("upstream_auth.basic_auth.header.nmae"));
}

TEST(TykClassic, AnUpstreamsPasswordThatIsLeftOutKeepsTheUserNameToo) {
  const Conversion conversion = With(
      R"({"upstream_auth": {"enabled": true, "basic_auth": {"enabled": true, "username": "u"}}})");
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("and the user name that came with it"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
