#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tyk_documents.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

constexpr char kExtension[] = "x-tyk-api-gateway";

Json OasBase() {
  return Json::parse(R"({
    "openapi": "3.0.3", "info": {"title": "Petstore", "version": "1.0.0"}, "components": {},
    "paths": {"/pets/{id}": {"get": {"operationId": "getPet", "responses": {}}},
              "/health": {"get": {"responses": {}}}},
    "x-tyk-api-gateway": {
      "info": {"id": "petstore", "name": "Petstore", "state": {"active": true}},
      "upstream": {"url": "https://petstore.example/v2"},
      "server": {"listenPath": {"value": "/petstore/", "strip": true}}
    }})");
}

Conversion ConvertOas(const Json& json) { return ConvertText(ConvertTykOas, json.dump()); }

// The base with a JSON merge patch of its extension.
Conversion OasWith(const std::string& patch) {
  Json json = OasBase();
  json[kExtension].merge_patch(Json::parse(patch));
  return ConvertOas(json);
}

v1::Api OasApi(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

void ExpectRefused(const std::string& patch, const std::string& path, const std::string& word) {
  const std::string errors = Texts(OasWith(patch).errors);
  EXPECT_THAT(errors, HasSubstr(absl::StrCat("x-tyk-api-gateway.", path))) << patch;
  EXPECT_THAT(errors, HasSubstr(word)) << patch;
}

TEST(TykOas, TheSmallestDefinitionIsKeyless) {
  const Conversion conversion = ConvertOas(OasBase());
  const v1::Api api = OasApi(conversion);
  EXPECT_THAT(Texts(conversion.warnings), IsEmpty());
  EXPECT_EQ(api.id(), "petstore");
  EXPECT_EQ(api.org_id(), "org");
  EXPECT_EQ(api.style(), "tyk");
  EXPECT_TRUE(api.keyless());
  EXPECT_FALSE(api.token().enabled());
  EXPECT_FALSE(api.inactive());
  EXPECT_EQ(api.listen_path(), "/petstore/");
  EXPECT_TRUE(api.strip_listen_path());
  ASSERT_EQ(api.upstream().targets_size(), 1);
  EXPECT_EQ(api.upstream().targets(0).url(), "https://petstore.example/v2");
  EXPECT_EQ(conversion.resources.back().resource.dialect(), "tyk-oas");
}

TEST(TykOas, PrivateKeysOfTheOpenApiPartAreNotKept) {
  const auto pair = testing::CertBuilder("CN=example").SelfSign();
  Json json = OasBase();
  json["components"]["examples"]["e"]["value"]["certificates"] = {pair.Pem() + pair.KeyPem()};
  json["info"]["description"] = pair.Pem();
  const std::string kept = ConvertOas(json).resources.back().resource.document();
  EXPECT_THAT(kept, Not(HasSubstr("PRIVATE KEY")));
  EXPECT_EQ(Json::parse(kept)["info"]["description"], pair.Pem()) << "else as it was";
}

TEST(TykOas, IsRecognisedByItsExtensionAlone) {
  std::string why;
  auto node = ReadJson(OasBase().dump());
  ASSERT_TRUE(node.ok());
  const Dialect* dialect = RecogniseDialect(*node, &why);
  ASSERT_NE(dialect, nullptr) << why;
  EXPECT_EQ(dialect->name, kTykOas);
  auto plain = ReadJson(R"({"openapi": "3.0.3", "info": {"title": "x"}, "paths": {}})");
  EXPECT_EQ(RecogniseDialect(*plain, &why), nullptr);
}

TEST(TykOas, ReadsBackAsItWasPut) {
  Json json = OasBase();
  json["paths"]["/login"]["post"]["requestBody"] = {{"example", {{"password", "as in the text"}}}};
  json["x-other"] = {1, 2};
  const Conversion conversion = ConvertOas(json);
  OasApi(conversion);
  const v1::Resource& resource = conversion.resources.back().resource;
  EXPECT_EQ(Json::parse(TykOasJson(resource, false)), json);
  json.erase(kExtension);
  EXPECT_EQ(Json::parse(TykOasJson(resource, true)), json);
  EXPECT_EQ(Json::parse(TykClassicJson(resource))["proxy"]["listen_path"], "/petstore/");
}

TEST(TykOas, SecretsDoNotStayInTheDocument) {
  const Conversion conversion = OasWith(R"({
    "server": {"authentication": {"enabled": true, "securitySchemes": {
      "authToken": {"enabled": true, "header": {"enabled": true},
                    "signatureValidation": {"enabled": false, "secret": "sig-secret"}},
      "jwt": {"enabled": false, "source": "hmac-secret", "signingMethod": "hmac"}}}},
    "upstream": {"proxy": {"enabled": true, "url": "http://u:proxy-secret@proxy.example:3128"},
                 "authentication": {"enabled": false, "basicAuth": {"password": "basic-secret"}}}})");
  OasApi(conversion);
  EXPECT_THAT(conversion.resources.back().resource.document(), Not(HasSubstr("-secret")));
  EXPECT_EQ(conversion.resources.back().proxy_password.Reveal(), "proxy-secret");
}

TEST(TykOas, AllowlistAndDomain) {
  const v1::Api api = OasApi(OasWith(R"({"server": {
    "clientCertificates": {"enabled": true, "allowlist": ["orgaa", "name:partner"]},
    "customDomain": {"enabled": true, "name": "pets.example", "certificates": ["orgbb"]},
    "port": 9443, "protocol": "https", "gatewayTags": {"enabled": true, "tags": ["edge"]},
    "ipAccessControl": {"enabled": true, "allow": ["10.0.0.0/8"], "block": ["10.1.0.1"]}}})"));
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  ASSERT_EQ(api.client_tls().allowlist_size(), 2);
  EXPECT_EQ(api.client_tls().allowlist(1).certificate_id(), "name:partner");
  EXPECT_EQ(api.hosts(0), "pets.example");
  EXPECT_EQ(api.server_certificate_ids(0), "orgbb");
  EXPECT_EQ(api.listen_port(), 9443u);
  EXPECT_EQ(api.tags(0), "edge");
  EXPECT_EQ(api.ip().allow(0), "10.0.0.0/8");
  EXPECT_EQ(api.ip().deny(0), "10.1.0.1");
}

TEST(TykOas, AnAllowlistThatIsOffIsSaidAndOneWithoutSwitchRefused) {
  const Conversion off =
      OasWith(R"({"server": {"clientCertificates": {"enabled": false, "allowlist": ["orgaa"]}}})");
  EXPECT_EQ(OasApi(off).client_tls().static_mtls(), v1::REQUIREMENT_OFF);
  EXPECT_THAT(Texts(off.warnings), HasSubstr("has no effect"));
  ExpectRefused(R"({"server": {"clientCertificates": {"allowlist": ["orgaa"]}}})",
                "server.clientCertificates.allowlist", "say true or false");
}

std::string Authentication(const std::string& body) {
  return absl::StrCat(R"({"server": {"authentication": )", body, "}}");
}

TEST(TykOas, AuthToken) {
  const v1::Api api =
      OasApi(OasWith(Authentication(R"({"enabled": true, "stripAuthorizationData": true,
    "securitySchemes": {"authToken": {"enabled": true, "header": {"enabled": true, "name": "X-Key"},
    "query": {"enabled": true, "name": "key"}, "cookie": {"enabled": false}}}})")));
  EXPECT_FALSE(api.keyless());
  EXPECT_TRUE(api.token().enabled());
  EXPECT_TRUE(api.token().strip());
  EXPECT_EQ(api.token().header_name(), "X-Key");
  EXPECT_TRUE(api.token().use_query());
  EXPECT_EQ(api.token().query_name(), "key");
  EXPECT_FALSE(api.token().use_cookie());
}

TEST(TykOas, TheDeclarationSaysWhereTheTokenIs) {
  Json json = OasBase();
  json["components"]["securitySchemes"]["key"] = {
      {"type", "apiKey"}, {"in", "query"}, {"name", "apikey"}};
  json["security"] = Json::array({{{"key", Json::array()}}});
  json[kExtension]["server"]["authentication"] =
      Json::parse(R"({"enabled": true, "securitySchemes": {"key": {"enabled": true}}})");
  const v1::Api api = OasApi(ConvertOas(json));
  EXPECT_TRUE(api.token().disable_header());
  EXPECT_TRUE(api.token().use_query());
  EXPECT_EQ(api.token().query_name(), "apikey");
}

TEST(TykOas, ClientCertificateAsCredential) {
  const auto dynamic = [](const std::string& body) {
    const v1::Api api = OasApi(OasWith(Authentication(body)));
    EXPECT_FALSE(api.keyless());
    EXPECT_NE(api.token().enabled(), api.client_tls().dynamic_mtls());
    return api.client_tls().dynamic_mtls();
  };
  EXPECT_TRUE(dynamic(R"({"enabled": true, "securitySchemes":
    {"authToken": {"enabled": true, "enableClientCertificate": true}}})"));
  EXPECT_TRUE(dynamic(R"({"enabled": true, "certificateAuth": {"enabled": true}})"));
  EXPECT_FALSE(dynamic(R"({"enabled": true, "certificateAuth": {"enabled": false},
    "securitySchemes": {"authToken": {"enabled": true, "enableClientCertificate": true}}})"))
      << "the object wins, also when it is off";
}

TEST(TykOas, AuthenticationThatCannotBeEnforcedIsRefused) {
  const auto refused = [](const std::string& body, const std::string& path,
                          const std::string& word) {
    ExpectRefused(Authentication(body), absl::StrCat("server.authentication", path), word);
  };
  refused(R"({"enabled": true})", ".enabled", "no security scheme is on");
  refused(R"({"enabled": true, "securitySchemes": {"a": {"enabled": false}}})", ".enabled",
          "no security scheme is on");
  refused(R"({"securitySchemes": {"a": {"enabled": true}}})", ".enabled", "say true or false");
  refused(R"({"enabled": "true"})", ".enabled", "must be true or false");
  refused(R"({"enabled": true, "securitySchemes": {"j": {"enabled": true, "source": "x"}}})",
          ".securitySchemes.j.source", "is missing");
  refused(
      R"({"enabled": true, "securitySchemes": {"j": {"enabled": true, "signingMethod": "hmac", "source": "x"}}})",
      ".securitySchemes.j.signingMethod", "shared secrets");
  refused(
      R"({"enabled": true, "securitySchemes": {"j": {"enabled": true, "source": "https://i/k"},
          "k": {"enabled": true, "source": "https://i/k"}}})",
      ".securitySchemes.k", "second JWT scheme");
  refused(
      R"({"enabled": true, "securitySchemes": {"j": {"enabled": true, "source": "https://i/k", "allowedIssuers": ["a"]}}})",
      ".securitySchemes.j.allowedIssuers", "TokenIssuer");
  refused(
      R"({"enabled": true, "securitySchemes": {"a": {"enabled": true}, "b": {"enabled": true}}})",
      ".securitySchemes.b", "second auth token");
  refused(
      R"({"enabled": true, "securitySchemes": {"a": {"enabled": true, "header": {"enabled": false}}}})",
      ".securitySchemes.a.header", "no other place");
  refused(R"({"enabled": true, "securitySchemes": {"a": {"enabled": true, "heder": {}}}})",
          ".securitySchemes.a.heder", "did you mean \"header\"");
  refused(R"({"enabled": true, "hmac": {"enabled": true}})", ".hmac", "HMAC");
  refused(R"({"enabled": true, "custom": {"enabled": true}})", ".custom", "plugins");
  refused(R"({"enabled": true, "baseIdentityProvider": "jwt_claim"})", ".baseIdentityProvider",
          "is not on");
  refused(R"({"enabled": true, "securityProcessingMode": "compliant"})", ".securityProcessingMode",
          "legacy");
  refused(R"({"enabled": true, "security": [["a", "b"]]})", ".security", "combinations");
  refused(R"({"enabled": false, "certificateAuth": {"enabled": true}})", ".enabled",
          "switch one of them off");
}

TEST(TykOas, AJwtSchemeBringsItsIssuer) {
  const Conversion conversion = OasWith(R"json({"server": {"authentication": {"enabled": true,
      "stripAuthorizationData": true, "baseIdentityProvider": "jwt_claim", "securitySchemes": {"j": {
        "enabled": true, "signingMethod": "ecdsa", "source": "https://idp.example/keys",
        "header": {"enabled": true, "name": "X-Token"}, "query": {"enabled": true, "name": "t"},
        "identityBaseField": "email", "policyFieldName": "pol", "defaultPolicies": ["p0"],
        "scopes": {"claimName": "perms", "scopeToPolicyMapping": [{"scope": "a", "policyId": "p1"}]}
      }}}}})json");
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  ASSERT_GE(conversion.resources.size(), 2u);
  const v1::TokenIssuer& issuer =
      conversion.resources[conversion.resources.size() - 2].resource.token_issuer();
  const v1::Resource& resource = conversion.resources.back().resource;
  EXPECT_EQ(issuer.id(), absl::StrCat("tyk-api:", resource.api().id()));
  EXPECT_EQ(issuer.jwks_url(), "https://idp.example/keys");
  EXPECT_EQ(issuer.scope_claims(0), "perms");
  ASSERT_EQ(resource.api().jwts_size(), 1);
  const v1::JwtAuth& jwt = resource.api().jwts(0);
  EXPECT_EQ(jwt.header_name(), "X-Token");
  EXPECT_EQ(jwt.query_name(), "t");
  EXPECT_EQ(jwt.identity_claim(), "email");
  EXPECT_EQ(jwt.scope_policies().at("a"), "p1");
  EXPECT_TRUE(jwt.strip());
  EXPECT_FALSE(resource.api().token().enabled());
  EXPECT_THAT(resource.document(), HasSubstr("https://idp.example/keys"));
}

TEST(TykOas, ADeclaredSchemeDecidesWhatItIs) {
  for (const auto& [type, word] :
       {std::pair<Json, std::string>{{{"type", "http"}, {"scheme", "bearer"}}, "key set"},
        {{{"type", "oauth2"}}, "OAuth"},
        {{{"type", "mutualTLS"}}, "does not exist here"}}) {
    Json json = OasBase();
    json["components"]["securitySchemes"]["x"] = type;
    json[kExtension]["server"]["authentication"] =
        Json::parse(R"({"enabled": true, "securitySchemes": {"x": {"enabled": true}}})");
    EXPECT_THAT(Texts(ConvertOas(json).errors), HasSubstr(word));
  }
}

TEST(TykOas, ABasicSchemeAsksForALogin) {
  Json json = OasBase();
  json["components"]["securitySchemes"]["x"] = {{"type", "http"}, {"scheme", "basic"}};
  json[kExtension]["server"]["authentication"] =
      Json::parse(R"({"enabled": true, "stripAuthorizationData": true,
                      "securitySchemes": {"x": {"enabled": true}}})");
  const v1::Api api = OasApi(ConvertOas(json));
  EXPECT_EQ(api.basic().requirement(), v1::REQUIREMENT_MANDATORY);
  EXPECT_TRUE(api.basic().strip());
  EXPECT_FALSE(api.token().enabled());
  json[kExtension]["server"]["authentication"]["securitySchemes"]["x"]["header"] = {
      {"enabled", true}, {"name", "X-User"}};
  EXPECT_THAT(Texts(ConvertOas(json).errors), HasSubstr("Authorization alone"));
}

TEST(TykOas, SecurityOfTheOpenApiPartMustBeEnabled) {
  Json json = OasBase();
  json["security"] = Json::array({{{"jwt", Json::array()}}});
  EXPECT_THAT(Texts(ConvertOas(json).warnings), HasSubstr("authentication is off"));
  json[kExtension]["server"]["authentication"] =
      Json::parse(R"({"enabled": true, "securitySchemes": {"authToken": {"enabled": true}}})");
  EXPECT_THAT(Texts(ConvertOas(json).errors), HasSubstr("security[0].jwt"));
}

TEST(TykOas, UpstreamCertificatesAndPins) {
  const v1::Upstream upstream = OasApi(OasWith(R"({"upstream": {
    "mutualTLS": {"enabled": true, "domainToCertificateMapping": [
      {"domain": "petstore.example", "certificate": "orgaa"},
      {"domain": "*.example:8443", "certificate": "name:up"}]},
    "certificatePinning": {"enabled": true, "domainToPublicKeysMapping": [
      {"domain": "*", "publicKeys": ["orgcc", " orgdd "]}]},
    "tlsTransport": {"minVersion": "1.2", "maxVersion": "1.3", "forceCommonNameCheck": true,
                     "ciphers": ["TLS_AES_128_GCM_SHA256"]},
    "preserveHostHeader": {"enabled": true}}})"))
                                    .upstream();
  EXPECT_EQ(upstream.client_certificates().certificate_ids().at("petstore.example"), "orgaa");
  EXPECT_EQ(upstream.client_certificates().certificate_ids().at("*.example:8443"), "name:up");
  EXPECT_FALSE(upstream.client_certificates().disabled());
  ASSERT_EQ(upstream.pins().pins().at("*").certificate_ids_size(), 2);
  EXPECT_EQ(upstream.pins().pins().at("*").certificate_ids(1), "orgdd");
  EXPECT_EQ(upstream.tls().min_version(), "1.2");
  EXPECT_EQ(upstream.tls().max_version(), "1.3");
  EXPECT_TRUE(upstream.tls().force_common_name_check());
  EXPECT_TRUE(upstream.preserve_host_header());
}

TEST(TykOas, MapsThatAreOffKeepTheirEntriesWithoutEffect) {
  const Conversion conversion = OasWith(R"({"upstream": {
    "mutualTLS": {"enabled": false, "domainToCertificateMapping": [{"domain": "*", "certificate": "orgaa"}]},
    "certificatePinning": {"enabled": false, "domainToPublicKeysMapping": [{"domain": "*", "publicKeys": ["b"]}]}}})");
  const v1::Upstream upstream = OasApi(conversion).upstream();
  EXPECT_TRUE(upstream.client_certificates().disabled());
  EXPECT_TRUE(upstream.pins().disabled());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("mutualTLS.domainToCertificateMapping"));
  EXPECT_THAT(Texts(conversion.warnings),
              HasSubstr("certificatePinning.domainToPublicKeysMapping"));
}

TEST(TykOas, DomainsMustFitTyksPattern) {
  for (const char* domain : {"https://petstore.example", "petstore.example/v2", "a b", "",
                             "under_score.example", "h:port", "api-*.example"}) {
    const std::string entry = Json({{"domain", domain}, {"certificate", "orgaa"}}).dump();
    ExpectRefused(
        absl::StrCat(
            R"({"upstream": {"mutualTLS": {"enabled": true, "domainToCertificateMapping": [)",
            entry, "]}}}"),
        "upstream.mutualTLS.domainToCertificateMapping[0].domain", "");
  }
  ExpectRefused(
      R"({"upstream": {"mutualTLS": {"enabled": true, "domainToCertificateMapping":
        [{"domain": "https://a.example", "certificate": "orgaa"}]}}})",
      "upstream.mutualTLS.domainToCertificateMapping[0].domain",
      R"(Does not match pattern '^([*a-zA-Z0-9-]+(\.[*a-zA-Z0-9-]+)*)(:\d+)?$')");
}

TEST(TykOas, MapsThatSayNothingAreRefused) {
  ExpectRefused(R"({"upstream": {"mutualTLS": {"enabled": true}}})",
                "upstream.mutualTLS.domainToCertificateMapping", "names no certificate");
  ExpectRefused(
      R"({"upstream": {"mutualTLS": {"enabled": true, "domainToCertificateMapping": [{"domain": "*"}]}}})",
      "upstream.mutualTLS.domainToCertificateMapping[0].certificate", "missing");
  ExpectRefused(
      R"({"upstream": {"mutualTLS": {"enabled": true, "domainToCertificateMapping":
        [{"domain": "*", "certificate": "a"}, {"domain": "*", "certificate": "b"}]}}})",
      "upstream.mutualTLS.domainToCertificateMapping[1].domain", "listed twice");
  ExpectRefused(
      R"({"upstream": {"certificatePinning": {"enabled": true, "domainToPublicKeysMapping": [{"domain": "*"}]}}})",
      "upstream.certificatePinning.domainToPublicKeysMapping[0].publicKeys", "no public key");
  ExpectRefused(
      R"({"upstream": {"certificatePinning": {"enabled": true, "domainToPublicKeysMapping":
        [{"domain": "*", "publicKey": ["x"]}]}}})",
      "upstream.certificatePinning.domainToPublicKeysMapping[0].publicKey", "publicKeys");
}

TEST(TykOas, SwitchingVerificationOffIsLoudAtItsPlaceAndRefusedElsewhere) {
  const Conversion loud =
      OasWith(R"({"upstream": {"tlsTransport": {"insecureSkipVerify": true}}})");
  EXPECT_TRUE(OasApi(loud).upstream().tls().insecure_skip_verify());
  EXPECT_THAT(Texts(loud.warnings), HasSubstr("INSECURE"));
  ExpectRefused(R"({"proxy": {"transport": {"insecureSkipVerify": true}}})",
                "proxy.transport.insecureSkipVerify",
                "x-tyk-api-gateway.upstream.tlsTransport.insecureSkipVerify");
  ExpectRefused(R"({"upstream": {"insecureSkipVerify": true}})", "upstream.insecureSkipVerify",
                "unknown field");
}

TEST(TykOas, TargetsRatesAndProxy) {
  const v1::Api api = OasApi(OasWith(R"({"upstream": {"url": null,
    "loadBalancing": {"enabled": true, "targets": [
      {"url": "https://a.example", "weight": 2}, {"url": "https://b.example", "weight": 1},
      {"url": "https://c.example", "weight": 0}]},
    "rateLimit": {"enabled": true, "rate": 30, "per": "1m30s"},
    "proxy": {"enabled": true, "url": "http://proxy.example:3128"}}})"));
  ASSERT_EQ(api.upstream().targets_size(), 2);
  EXPECT_EQ(api.upstream().targets(0).weight(), 2u);
  EXPECT_EQ(api.limits().rate().rate(), 30);
  EXPECT_EQ(api.limits().rate().per_seconds(), 90);
  EXPECT_EQ(api.upstream().forward_proxy().url(), "http://proxy.example:3128");
}

TEST(TykOas, WhatTheEngineCannotDoIsRefusedByName) {
  for (const auto& [patch, path] : std::vector<std::pair<std::string, std::string>>{
           {R"({"info": {"versioning": {"enabled": true, "name": "v"}}})", "info.versioning"},
           {R"({"info": {"state": {"active": null}}})", "info.state.active"},
           {R"({"info": {"name": " "}})", "info.name"},
           {R"({"info": null})", "info"},
           {R"({"server": null})", "server"},
           {R"({"upstream": null})", "upstream"},
           {R"({"server": {"listenPath": {"value": "pets"}}})", "server.listenPath.value"},
           {R"({"server": {"port": 0}})", "server.port"},
           {R"({"server": {"protocol": "h2c"}})", "server.protocol"},
           {R"({"server": {"clientCertificate": {"enabled": true}}})", "server.clientCertificate"},
           {R"({"server": {"ipAccessControl": {"enabled": true, "allow": ["host"]}}})",
            "server.ipAccessControl.allow[0]"},
           {R"({"server": {"ipAccessControl": {"enabled": true}}})",
            "server.ipAccessControl.enabled"},
           {R"({"upstream": {"url": "ftp://x"}})", "upstream.url"},
           {R"({"upstream": {"url": "https://u:p@x"}})", "upstream.url"},
           {R"({"upstream": {"loadBalancing": {"enabled": true, "targets": []}}})",
            "upstream.loadBalancing.targets"},
           {R"({"upstream": {"serviceDiscovery": {"enabled": true}}})",
            "upstream.serviceDiscovery"},
           {R"({"upstream": {"authentication": {"enabled": true}}})", "upstream.authentication"},
           {R"({"upstream": {"tlsTransport": {"maxVersion": "1.1"}}})",
            "upstream.tlsTransport.maxVersion"},
           {R"({"upstream": {"tlsTransport": {"minVersion": "1.1", "maxVersion": "1.0"}}})",
            "upstream.tlsTransport.maxVersion"},
           {R"({"upstream": {"tlsTransport": {"minVersion": "771"}}})",
            "upstream.tlsTransport.minVersion"},
           {R"({"upstream": {"rateLimit": {"enabled": true, "rate": 1, "per": "soon"}}})",
            "upstream.rateLimit.per"},
           {R"({"upstream": {"rateLimit": {"enabled": true, "rate": 0, "per": "1s"}}})",
            "upstream.rateLimit.rate"},
           {R"({"middleware": {"global": {"prePlugins": [{"enabled": true}]}}})",
            "middleware.global.prePlugins"},
           {R"({"middleware": {"operations": {"getPet": {"validateRequest": {"enabled": true}}}}})",
            "middleware.operations.getPet.validateRequest"},
           {R"({"middleware": {"operations": {"other": {"block": {"enabled": true}}}}})",
            "middleware.operations.other"}}) {
    ExpectRefused(patch, path, "");
  }
}

TEST(TykOas, WhatIsSwitchedOffMayStay) {
  OasApi(OasWith(
      R"({"middleware": {"global": {"pluginConfig": {"data": {"enabled": false, "value": {}}},
      "trafficLogs": {"enabled": true}, "contextVariables": {"enabled": true}},
      "operations": {"getPet": {"mockResponse": {"enabled": false, "code": 200, "body": "x"}}}},
    "upstream": {"serviceDiscovery": {"enabled": false, "queryEndpoint": "x"}}})"));
}

TEST(TykOas, VirtualEndpoints) {
  const v1::Api api = OasApi(OasWith(R"({"middleware": {
      "global": {"pluginConfig": {"driver": "otto", "data": {"enabled": true, "value": {"k": 1}}}},
      "operations": {"getPet": {"virtualEndpoint": {"enabled": true, "functionName": "f",
          "body": "ZnVuY3Rpb24gZigpIHt9", "requireSession": true, "proxyOnError": true}},
        "healthget": {"virtualEndpoint": {"enabled": false, "path": "f.js"}}}}})"));
  EXPECT_EQ(api.script_config_json(), R"({"k":1})");
  ASSERT_EQ(api.versions(0).endpoints_size(), 1);
  const v1::Endpoint& endpoint = api.versions(0).endpoints(0);
  EXPECT_EQ(endpoint.rule().path(), "^/pets/([^/]+)$") << "that operation and no other";
  EXPECT_EQ(endpoint.rule().methods(0), "GET");
  EXPECT_EQ(endpoint.virtual_endpoint().function(), "f");
  EXPECT_EQ(endpoint.virtual_endpoint().source(), "function f() {}");
  EXPECT_TRUE(endpoint.virtual_endpoint().use_session());
  EXPECT_TRUE(endpoint.virtual_endpoint().proxy_on_error());
}

TEST(TykOas, VirtualEndpointsThatCannotBe) {
  const auto refused = [](const std::string& script, const std::string& word) {
    const std::string path = "middleware.operations.getPet.virtualEndpoint";
    ExpectRefused(absl::StrCat(R"({"middleware": {"operations": {"getPet": {"virtualEndpoint": )",
                               script, "}}}}"),
                  path, word);
  };
  refused(R"({"enabled": true, "functionName": "f", "path": "f.js"})", "in Base64, as body");
  refused(R"({"enabled": true, "functionName": "f"})", "virtualEndpoint.body (line 1): is missing");
  refused(R"({"enabled": true, "body": "ZnVuY3Rpb24gZigpIHt9"})",
          "virtualEndpoint.name (line 1): is missing");
  refused(
      R"({"enabled": true, "functionName": "f", "body": "ZnVuY3Rpb24gZigpIHt9", "proxyOnEror": true})",
      "did you mean");
  ExpectRefused(
      R"({"middleware": {"global": {"pluginConfig": {"bundle": {"enabled": true, "path": "b.zip"}}}}})",
      "middleware.global.pluginConfig.bundle", "plugins");
  ExpectRefused(
      R"({"middleware": {"global": {"pluginConfig": {"data": {"enabled": true, "value": [1]}}}}})",
      "middleware.global.pluginConfig.data.value", "must be an object");
}

TEST(TykOas, Operations) {
  const v1::Api api = OasApi(OasWith(R"({"middleware": {"operations": {
      "getPet": {"allow": {"enabled": true, "ignoreCase": true}},
      "healthget": {"ignoreAuthentication": {"enabled": true}, "block": {"enabled": false}}},
    "global": {"requestSizeLimit": {"enabled": true, "value": 1000}, "skipQuota": true,
      "transformRequestHeaders": {"enabled": true, "add": [{"name": "X-A", "value": "1"}], "remove": ["X-B"]},
      "cors": {"enabled": true, "allowedOrigins": ["https://a.example"], "maxAge": 5}}}})"));
  const v1::ApiVersion& version = api.versions(0);
  ASSERT_EQ(version.allowed_size(), 1);
  EXPECT_EQ(version.allowed(0).path(), "^/pets/([^/]+)");
  EXPECT_EQ(version.allowed(0).methods(0), "GET");
  EXPECT_TRUE(version.allowed(0).ignore_case());
  ASSERT_EQ(version.ignored_size(), 1);
  EXPECT_EQ(version.ignored(0).path(), "^/health$") << "exempts that path and no other";
  EXPECT_EQ(version.blocked_size(), 0);
  EXPECT_EQ(version.max_body_bytes(), 1000);
  EXPECT_EQ(version.request_headers().set().at("X-A"), "1");
  EXPECT_EQ(version.request_headers().remove(0), "X-B");
  EXPECT_TRUE(api.disable_quota());
  EXPECT_EQ(api.cors().allowed_origins(0), "https://a.example");
}

TEST(TykOas, InlinePemBecomesACertificate) {
  const auto pair = testing::CertBuilder("CN=up").SelfSign();
  Json json = OasBase();
  json[kExtension]["upstream"]["mutualTLS"] = {
      {"enabled", true},
      {"domainToCertificateMapping",
       {{{"domain", "*"}, {"certificate", pair.Pem() + pair.KeyPem()}}}}};
  json[kExtension]["server"]["clientCertificates"] = {{"enabled", true},
                                                      {"allowlist", {pair.Pem()}}};
  const Conversion conversion = ConvertOas(json);
  const std::string id = crypto::CertificateId("org", *pair.cert);
  const v1::Api api = OasApi(conversion);
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("*"), id);
  EXPECT_EQ(api.client_tls().allowlist(0).certificate_id(), id);
  const std::string& document = conversion.resources.back().resource.document();
  EXPECT_THAT(document, Not(HasSubstr("PRIVATE")));
  EXPECT_THAT(document, HasSubstr(id));
}

TEST(TykOas, TheOpenApiPartMustBeOne) {
  for (const char* member : {"openapi", "paths", "info"}) {
    Json json = OasBase();
    json.erase(member);
    EXPECT_FALSE(ConvertOas(json).ok()) << member;
  }
  Json json = OasBase();
  json["openapi"] = "2.0";
  EXPECT_FALSE(ConvertOas(json).ok());
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
