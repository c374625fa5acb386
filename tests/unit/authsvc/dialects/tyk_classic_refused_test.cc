// What of Tyk Classic definitions is refused, and by which name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"
#include "tests/unit/authsvc/dialects/tyk_classic_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using classic::Base;
using classic::ConvertClassic;
using classic::With;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

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

}  // namespace
}  // namespace sallyport::authsvc::dialects
