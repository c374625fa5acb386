#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr char kHash[] = "1111111111111111111111111111111111111111111111111111111111111111";

Conversion Session(absl::string_view text) { return ConvertText(ConvertTykSession, text); }
Conversion Policy(absl::string_view text) { return ConvertText(ConvertTykPolicy, text); }
v1::Key KeyOf(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? v1::Key() : conversion.resources.back().resource.key();
}

TEST(TykSession, Everything) {
  const v1::Key key = KeyOf(Session(R"({
    "org_id": "o", "rate": 5, "per": 10, "quota_max": 100, "quota_renewal_rate": 3600, "expires": 1900000000,
    "alias": "al", "is_inactive": true, "apply_policies": ["p1", "p2"], "tags": ["t"], "meta_data": {"a": "b", "n": 5},
    "mtls_static_certificate_bindings": ["oX"], "allowance": 3, "last_check": 7, "monitor": {"trigger_limits": null},
    "throttle_interval": -1, "max_query_depth": -1, "smoothing": null,
    "access_rights": {"a1": {"api_id": "a1", "api_name": "n", "versions": ["v1"],
      "allowed_urls": [{"url": "/x", "methods": ["get"]}],
      "limit": {"rate": 1, "per": 2, "quota_max": -1, "quota_renews": 9}}, "a2": {"limit": null}}})"));
  EXPECT_EQ(key.org_id(), "o");
  EXPECT_EQ(key.limits().rate().rate(), 5);
  EXPECT_EQ(key.limits().quota().renewal_seconds(), 3600);
  EXPECT_EQ(key.expires_unix(), 1900000000);
  EXPECT_TRUE(key.inactive());
  EXPECT_EQ(key.policy_ids_size(), 2);
  EXPECT_EQ(key.metadata().at("n"), "5");
  EXPECT_EQ(key.bound_certificate_ids(0), "oX");
  ASSERT_EQ(key.access_rights_size(), 2);
  EXPECT_EQ(key.access_rights(0).allowed_urls(0).methods(0), "GET");
  EXPECT_TRUE(key.access_rights(0).limits().has_rate());
  EXPECT_FALSE(key.access_rights(0).limits().has_quota());
  EXPECT_EQ(key.access_rights(1).api_id(), "a2");
  EXPECT_FALSE(key.access_rights(1).has_limits());
  EXPECT_EQ(key.id(), "") << "no token and no id is made here";
  EXPECT_EQ(key.token_sha256_size(), 0);
}

TEST(TykSession, SecretsAreNotKept) {
  const Conversion conversion =
      Session(R"({"org_id": "o", "apply_policies": ["p"], "hmac_string": "s3cr3t-1",
    "basic_auth_data": {"password": "s3cr3t-2", "hash_type": ""}, "jwt_data": {"secret": "s3cr3t-3"},
    "meta_data": {"password": "public"}})");
  ASSERT_FALSE(conversion.resources.empty());
  const std::string kept = conversion.resources.back().resource.document();
  EXPECT_FALSE(absl::StrContains(kept, "s3cr3t")) << kept;
  EXPECT_TRUE(absl::StrContains(kept, "public"))
      << "it is the key's metadata, stored and forwarded as such";
}

TEST(TykSession, TheCertificateNamesTheKey) {
  const std::string id = absl::StrCat("o", kHash);
  EXPECT_EQ(KeyOf(Session(absl::StrCat(R"({"org_id":"o","certificate":")", id, "\"}"))).id(), id);
  const v1::Key bare =
      KeyOf(Session(absl::StrCat(R"({"org_id":"o","certificate":")", kHash, "\"}")));
  EXPECT_EQ(bare.id(), id);
  EXPECT_EQ(bare.certificate_ids(0), id);
}

TEST(TykSession, InlinePemWithoutItsPrivateKey) {
  const auto pair = testing::CertBuilder("CN=c").SelfSign();
  Json json = {{"org_id", "o"}, {"certificate", pair.KeyPem() + pair.Pem()}};
  const Conversion conversion = Session(json.dump());
  EXPECT_EQ(KeyOf(conversion).id(), crypto::CertificateId("o", *pair.cert));
  ASSERT_EQ(conversion.resources.size(), 2u);
  EXPECT_TRUE(conversion.resources[0].private_key.empty());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("private key is not needed"));
  EXPECT_FALSE(absl::StrContains(conversion.resources[1].resource.document(), "PRIVATE"));
}

class BadSession : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
TEST_P(BadSession, IsRefused) {
  const Conversion conversion = Session(GetParam().first);
  EXPECT_FALSE(conversion.ok()) << GetParam().first;
  EXPECT_THAT(Texts(conversion.errors), HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    All, BadSession,
    ::testing::Values(
        std::pair("[]", "must be an object"),
        std::pair(R"({"basic_auth_data": {"password": "x", "hash_type": "sha256"}})", "hash_type"),
        std::pair(R"({"basic_auth_data": {"pasword": "x"}})", "did you mean \"password\""),
        std::pair(R"({"jwt_data": {"secret": "x"}})", "jwt_data"),
        std::pair(R"({"hmac_enabled": true})", "hmac_enabled"),
        std::pair(R"({"oauth_client_id": "x"})", "oauth_client_id"),
        std::pair(R"({"max_query_depth": 3})", "max_query_depth"),
        std::pair(R"({"is_inactiv": true})", "did you mean \"is_inactive\""),
        std::pair(R"({"acces_rights": {}})", "did you mean \"access_rights\""),
        std::pair(R"({"mtls_static_certificate_binding": []})", "mtls_static_certificate_bindings"),
        std::pair(R"({"access_rights": {"a": {"allowed_url": []}}})", "allowed_urls"),
        std::pair(R"({"access_rights": {"a": {"anything": 1}}})", "access_rights.a.anything"),
        std::pair(R"({"access_rights": {"a": {"limit": {"rat": 1}}}})",
                  "access_rights.a.limit.rat"),
        std::pair(R"({"access_rights": {"a": {"api_id": "b"}}})", "differs"),
        std::pair(
            R"({"access_rights": {"a": {"allowed_urls": [{"url": "(", "methods": ["GET"]}]}}})",
            "regular expression"),
        std::pair(R"({"access_rights": {"a": {"allowed_urls": [{"url": "/x"}]}}})", "methods"),
        std::pair(R"({"access_rights": {"a": {"allowed_urls": [{"methods": ["GET"]}]}}})", "url"),
        std::pair(R"({"access_rights": {"a": {"endpoints": [{"path": "/x"}]}}})", "endpoints"),
        std::pair(R"({"access_rights": {"a": {"field_access_rights": [{"x": 1}]}}})",
                  "field_access_rights"),
        std::pair(R"({"access_rights": []})", "must be an object"),
        std::pair(R"({"rate": 5})", "per"), std::pair(R"({"rate": "5", "per": 1})", "rate"),
        std::pair(R"({"quota_max": -2})", "quota_max"),
        std::pair(R"({"quota_max": 1.5})", "quota_max"),
        std::pair(R"({"expires": "never"})", "expires"), std::pair(R"({"expires": -5})", "expires"),
        std::pair(R"({"certificate": 5})", "certificate"),
        std::pair(R"({"certificate": "/c.pem"})", "file path"),
        std::pair(R"({"apply_policies": "p"})", "apply_policies"),
        std::pair(R"({"is_inactive": "no"})", "is_inactive")));

TEST(TykSession, ReadsBackAsItWasPutWithWhatChangedSince) {
  const Conversion conversion =
      Session(R"({"org_id": "o", "alias": "a", "rate": 5, "per": 1, "custom": {"x": 1},
      "access_rights": {"a1": {"api_id": "a1"}}})");
  v1::Resource resource = conversion.resources.back().resource;
  resource.mutable_key()->set_inactive(true);
  const Json read = Json::parse(TykSessionJson(resource));
  EXPECT_EQ(read["alias"], "a");
  EXPECT_EQ(read["custom"]["x"], 1);
  EXPECT_EQ(read["is_inactive"], true);
  EXPECT_EQ(read["certificate"], "");
}

TEST(TykSession, MadeFromACoreKeyWithoutSecrets) {
  v1::Resource resource;
  v1::Key* key = resource.mutable_key();
  key->set_org_id("o");
  key->add_token_sha256(std::string(32, 'x'));
  key->add_certificate_ids("oC");
  key->add_access_rights()->set_api_id("a1");
  key->mutable_limits()->mutable_rate()->set_rate(3);
  const std::string text = TykSessionJson(resource);
  const Json read = Json::parse(text);
  EXPECT_EQ(read["certificate"], "oC");
  EXPECT_EQ(read["quota_max"], -1);
  EXPECT_EQ(read["access_rights"]["a1"]["api_id"], "a1");
  EXPECT_FALSE(absl::StrContains(text, "xxxx"));
}

TEST(TykPolicy, Everything) {
  const Conversion conversion =
      Policy(R"({"_id": "old", "id": "gold", "org_id": "o", "name": "Gold", "rate": 1, "per": 2,
      "quota_max": -1, "active": true, "key_expires_in": 60, "partitions": {"acl": true, "rate_limit": true},
      "access_rights": {"a": {"api_id": "a"}}, "tags": ["x"], "meta_data": {"k": "v"}})");
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::Policy policy = conversion.resources[0].resource.policy();
  EXPECT_EQ(policy.id(), "gold");
  EXPECT_TRUE(policy.part_acl());
  EXPECT_FALSE(policy.part_quota());
  EXPECT_EQ(policy.key_expires_in_seconds(), 60);
  EXPECT_FALSE(policy.inactive());
  EXPECT_FALSE(policy.limits().has_quota());
}

TEST(TykPolicy, Inactive) {
  for (const char* text : {R"({"id": "p", "is_inactive": true})", R"({"id": "p", "active": false})",
                           R"({"id": "p", "active": true, "state": "deny"})"}) {
    EXPECT_TRUE(Policy(text).resources[0].resource.policy().inactive()) << text;
  }
}

TEST(TykPolicy, Refused) {
  for (const char* text :
       {R"({"id": "p", "partition": {}})", R"({"id": "p", "partitions": {"quotas": true}})",
        R"({"id": "p", "partitions": {"per_api": true, "acl": true}})",
        R"({"id": "p", "hmac_enabled": true})", R"({"id": "p", "key_expires_inn": 5})",
        R"({"id": "a/b"})", R"({"id": "p", "state": "on"})",
        R"({"id": "p", "partitions": {"complexity": true}})", R"({"id": "p", "active": "yes"})"}) {
    EXPECT_FALSE(Policy(text).ok()) << text;
  }
}

TEST(TykGateway, CertificatesPinsAndBothSkips) {
  const Conversion conversion = ConvertText(ConvertTykGateway, R"({
    "listen_port": 8080, "secret": "352d20ee67be67f6340b4c0605b044b7", "storage": {"password": "redispass"},
    "proxy_ssl_insecure_skip_verify": true, "proxy_ssl_min_version": 771, "ssl_force_common_name_check": true,
    "proxy_enable_http2": true,
    "security": {"private_certificate_encoding_secret": "pces", "control_api_use_mutual_tls": true,
      "pinned_public_keys": {"*": "orgp1,orgp2"},
      "certificates": {"upstream": {"*": "orgd"}, "apis": ["orga"], "control_api": ["orgc"]}},
    "http_server_options": {"ssl_certificates": ["orgs"], "use_ssl": true}})");
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::Resource& resource = conversion.resources.back().resource;
  const v1::GatewaySettings& settings = resource.settings();
  EXPECT_EQ(settings.id(), "gateway");
  EXPECT_EQ(settings.client_allowlist(0).certificate_id(), "orga");
  EXPECT_EQ(settings.control_allowlist(0).certificate_id(), "orgc");
  EXPECT_TRUE(settings.control_requires_certificate());
  EXPECT_EQ(settings.upstream_certificates().certificate_ids().at("*"), "orgd");
  EXPECT_EQ(settings.pins().pins().at("*").certificate_ids_size(), 2);
  EXPECT_TRUE(settings.upstream_tls().insecure_skip_verify());
  EXPECT_EQ(settings.upstream_tls().min_version(), "1.2");
  EXPECT_TRUE(settings.upstream_http2());
  EXPECT_EQ(settings.server_certificate_ids(0), "orgs");
  for (const char* secret : {"352d20ee", "redispass", "pces"}) {
    EXPECT_FALSE(absl::StrContains(resource.document(), secret)) << secret;
  }
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("storage"));
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("INSECURE"));
}

TEST(TykGateway, SaysHowWebSocketIsSwitchedOff) {
  const auto warnings = [](const char* text) {
    return Texts(ConvertText(ConvertTykGateway, text).warnings);
  };
  EXPECT_THAT(warnings(R"({"http_server_options": {"enable_websockets": false}})"),
              HasSubstr("upgrades: []"));
  EXPECT_THAT(warnings(R"({"http_server_options": {"enable_websockets": true}})"), IsEmpty());
}

TEST(TykGateway, Refused) {
  for (const char* text :
       {R"({"security": {"allow_unsafe_dynamic_mtls_token": true}})",
        R"({"allow_unsafe_dynamic_mtls_token": true})", R"({"security": {"certificate": {}}})",
        R"({"security": {"certificates": {"upstreams": {}}}})",
        R"({"security": {"control_api_use_mutual_tls": true}})",
        R"({"security": {"pinned_public_keys": {"h t": "x"}}})",
        R"({"proxy_ssl_insecure_skip_verfy": false})", R"({"securty": {}})",
        R"({"security": {"certificates": {"upstream": {"h": "/certs/default.pem"}}}})"}) {
    EXPECT_FALSE(ConvertText(ConvertTykGateway, text).ok()) << text;
  }
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
