#include "authsvc/dialects/tyk_operator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apply.h"
#include "tests/unit/authsvc/dialects/convert_for_tests.h"

namespace sallyport::authsvc::dialects {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr char kTlsTest[] = "name:secret/default/my-test-tls/tls.crt";

Json Object(const std::string& kind, const std::string& name, const std::string& spec) {
  return {{"apiVersion", "tyk.tyk.io/v1alpha1"},
          {"kind", kind},
          {"metadata", {{"name", name}}},
          {"spec", Json::parse(spec)}};
}

Json Classic(const std::string& patch) {
  Json json = Object("ApiDefinition", "httpbin", R"({
    "name": "httpbin", "protocol": "http", "active": true, "use_keyless": true,
    "proxy": {"target_url": "https://httpbin.example", "listen_path": "/httpbin",
              "strip_listen_path": true},
    "version_data": {"default_version": "Default", "not_versioned": true,
                     "versions": {"Default": {"name": "Default"}}}})");
  json["spec"].merge_patch(Json::parse(patch));
  return json;
}

constexpr char kPetstore[] = R"({"openapi": "3.0.3", "info": {"title": "Petstore", "version": "1"},
  "components": {}, "paths": {}, "x-tyk-api-gateway": {
    "info": {"name": "Petstore", "state": {"active": true}},
    "upstream": {"url": "https://petstore.example/v2"},
    "server": {"listenPath": {"value": "/petstore/", "strip": true}}}})";

Json Oas(const std::string& patch) {
  Json json = Object("TykOasApiDefinition", "petstore",
                     R"({"tykOAS": {"configmapRef": {"name": "cm", "keyName": "oas.json"}}})");
  json["spec"].merge_patch(Json::parse(patch));
  return json;
}

Conversion ConvertOperator(const Json& json, const std::string& definition = kPetstore) {
  auto node = ReadJson(json.dump());
  EXPECT_TRUE(node.ok()) << node.status();
  ConvertOptions options = TestOptions();
  options.config_map = [&](const std::string& id,
                           const std::string& key) -> absl::StatusOr<std::string> {
    if (id == "default/cm" && key == "oas.json") return definition;
    return absl::NotFoundError(absl::StrCat("ConfigMap ", id, " is not there"));
  };
  return ConvertTykOperator(*node, options);
}

v1::Api OperatorApi(const Conversion& conversion) {
  EXPECT_THAT(Texts(conversion.errors), IsEmpty());
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

TEST(TykOperator, ReachesForNothingOfAnotherNamespace) {
  const auto refusal = [](const char* patch) {
    return Texts(ConvertOperator(Classic(patch)).errors);
  };
  EXPECT_THAT(refusal(R"({"upstream_certificates": {"*": "name:secret/other/web/tls.crt"}})"),
              HasSubstr("outside namespace \"default\""));
  EXPECT_THAT(refusal(R"({"pinned_public_keys": {"*": "name:configmap/other/web/tls.crt"}})"),
              HasSubstr("outside namespace \"default\""));
  EXPECT_THAT(refusal(R"({"upstream_certificates": {"*": "name:secret/default2/web/tls.crt"}})"),
              HasSubstr("outside namespace"));
  EXPECT_THAT(refusal(R"({"upstream_certificates": {"*": "name:secret/default/web/tls.crt"}})"),
              IsEmpty());
  EXPECT_THAT(refusal(R"({"api_id": "other.web"})"), HasSubstr("one with a dot"));
  EXPECT_THAT(refusal(R"({"api_id": "my-own"})"), IsEmpty());
}

TEST(TykOperator, KeepsNoProxyPassword) {
  const Conversion conversion = ConvertOperator(Classic(
      R"({"proxy": {"transport": {"proxy_url": "http://u:hidden-word@proxy.example:3128"}}})"));
  EXPECT_THAT(Texts(conversion.errors), HasSubstr("forward proxy's password"));
  EXPECT_THAT(Texts(conversion.errors), ::testing::Not(HasSubstr("hidden-word")));
}

TEST(TykOperator, NoCredentialOfAWebhookStaysInAConfigMap) {
  const auto said = [](const char* enabled, const char* header, const char* value) {
    Json definition = Json::parse(kPetstore);
    Json& extension = definition["x-tyk-api-gateway"];
    extension["server"]["eventHandlers"] = Json::parse(absl::StrCat(
        R"([{"enabled": )", enabled, R"(, "trigger": "AuthFailure", "type": "webhook", "name": "x",
            "url": "https://hook.test/x", "method": "POST", "headers": [{"name": ")",
        header, R"(", "value": ")", value, R"("}]}])"));
    return Texts(ConvertOperator(Oas("{}"), definition.dump()).errors);
  };
  for (const char* enabled : {"true", "false"}) {
    EXPECT_THAT(said(enabled, "Authorization", "hidden-word"),
                HasSubstr("would stay readable in the ConfigMap"));
    EXPECT_THAT(said(enabled, "Authorization", "hidden-word"),
                ::testing::Not(HasSubstr("hidden-word")));
    EXPECT_THAT(said(enabled, "Authorization", ""), IsEmpty());
    EXPECT_THAT(said(enabled, "X-Team", "edge"), IsEmpty());
  }
}

TEST(TykOperator, ApiDefinitionRefersToSecretsByPlace) {
  const Conversion conversion = ConvertOperator(Classic(R"({
    "use_mutual_tls_auth": true, "client_certificate_refs": ["my-test-tls"],
    "client_certificates": ["orgaa"],
    "upstream_certificate_refs": {"*": "my-test-tls"}, "upstream_certificates": {"a.example": "orgbb"},
    "pinned_public_keys_refs": {"*": "pin"}, "pinned_public_keys": {"*": "orgcc"},
    "certificate_secret_names": ["server"]})"));
  const v1::Api api = OperatorApi(conversion);
  EXPECT_EQ(api.id(), "default.httpbin");
  EXPECT_EQ(conversion.resources.back().resource.dialect(), "tyk-operator");
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  ASSERT_EQ(api.client_tls().allowlist_size(), 2);
  EXPECT_EQ(api.client_tls().allowlist(1).certificate_id(), kTlsTest);
  const auto& certificates = api.upstream().client_certificates().certificate_ids();
  EXPECT_EQ(certificates.at("*"), kTlsTest);
  EXPECT_EQ(certificates.at("a.example"), "orgbb");
  const v1::PinList& pins = api.upstream().pins().pins().at("*");
  ASSERT_EQ(pins.certificate_ids_size(), 2) << "ids and Secrets together";
  EXPECT_EQ(pins.certificate_ids(1), "name:secret/default/pin/tls.crt");
  EXPECT_EQ(api.server_certificate_ids(0), "name:secret/default/server/tls.crt");
}

TEST(TykOperator, NamespaceOfTheResourceIsThatOfItsSecrets) {
  Json json = Classic(R"({"use_mutual_tls_auth": true, "client_certificate_refs": ["c"]})");
  json["metadata"]["namespace"] = "team";
  const v1::Api api = OperatorApi(ConvertOperator(json));
  EXPECT_EQ(api.id(), "team.httpbin");
  EXPECT_EQ(api.client_tls().allowlist(0).certificate_id(), "name:secret/team/c/tls.crt");
}

TEST(TykOperator, WhatIsRefused) {
  const auto refused = [](const Json& json, const std::string& path, const std::string& word) {
    const std::string errors = Texts(ConvertOperator(json).errors);
    EXPECT_THAT(errors, HasSubstr(path)) << json;
    EXPECT_THAT(errors, HasSubstr(word)) << json;
  };
  refused(Classic(R"({"client_certificate_refs": ["c"]})"), "spec.client_certificate_refs",
          "say true or false");
  refused(Classic(R"({"use_mutual_tls_auth": true, "client_certificate_refs": ["other/c"]})"),
          "spec.client_certificate_refs[0]", "same namespace");
  refused(Classic(R"({"upstream_certificate_refs": {"https://a.example": "c"}})"),
          "spec.upstream_certificate_refs", "https://");
  refused(Classic(R"({"upstream_certificate_refs": {"*": 5}})"),
          "spec.upstream_certificate_refs[\"*\"]", "name of a Secret");
  refused(
      Classic(R"({"upstream_certificate_refs": {"*": "c"}, "upstream_certificates": {"*": "x"}})"),
      "spec.upstream_certificate_refs[\"*\"]", "already");
  refused(Classic(R"({"org_id": "other", "certificate_secret_names": ["c"]})"), "spec.org_id",
          "belong to organisation");
  refused(Classic(R"({"enable_jwt": true})"), "spec.use_keyless", "contradicts enable_jwt");
  refused(Classic(R"({"use_keyless": false, "enable_jwt": true, "jwt_signing_method": "hmac"})"),
          "spec.jwt_signing_method", "shared secrets");
  refused(Classic(R"({"client_certificates_refs": ["c"]})"), "spec.client_certificates_refs",
          "did you mean \"client_certificate_refs\"");
  refused(Oas(R"({"tykOAS": {"configmapRef": {"name": "other"}}})"), "spec.tykOAS.configmapRef",
          "apply it before or together");
  refused(Oas(R"({"tykOAS": {"configmapRef": {"namespace": "team"}}})"),
          "spec.tykOAS.configmapRef.namespace", "must be that of the resource");
  refused(Oas(R"({"tykOAS": {"configmapRef": {"keyName": null}}})"),
          "spec.tykOAS.configmapRef.keyName", "missing");
  refused(Oas(R"({"tykOAS": null})"), "spec.tykOAS.configmapRef", "missing");
  refused(Oas(R"({"clientCertificates": {"enabled": true}})"), "spec.clientCertificates",
          "did you mean \"clientCertificate\"");
  refused(Oas(R"({"clientCertificate": {"allowlist": ["c"]}})"), "spec.clientCertificate.enabled",
          "say true or false");
  refused(Oas(R"({"mutualTLS": {"enabled": true, "domainToCertificateMapping":
            [{"domain": "a", "certificateRef": "c", "certificateID": "d"}]}})"),
          "spec.mutualTLS.domainToCertificateMapping[0].certificateRef", "either");
  refused(Oas(R"({"mutualTLS": {"enabled": true, "domainToCertificateMapping":
            [{"domain": "https://a", "certificateRef": "c"}]}})"),
          "spec.mutualTLS.domainToCertificateMapping[0].domain", "Does not match pattern");
  refused(Oas(R"({"certificatePinning": {"enabled": true, "domainToPublicKeysMapping":
            [{"domain": "*"}]}})"),
          "spec.certificatePinning.domainToPublicKeysMapping[0].publicKeyRefs", "no public key");
}

TEST(TykOperator, OasDefinitionStandsInAConfigMap) {
  const Conversion conversion = ConvertOperator(Oas(R"({
    "clientCertificate": {"enabled": true, "allowlist": ["tls-cert"]},
    "mutualTLS": {"enabled": true, "domainToCertificateMapping": [
      {"domain": "petstore.example", "certificateRef": "petstore-domain"},
      {"domain": "petstore.co.uk", "certificateID": "orgdd"}]},
    "certificatePinning": {"enabled": true, "domainToPublicKeysMapping": [
      {"domain": "*", "publicKeyRefs": ["domain-secret"], "publicKeys": ["orgee"]}]},
    "customDomain": {"enabled": true, "name": "pets.example", "certificatesRef": ["server"]}})"));
  const v1::Api api = OperatorApi(conversion);
  EXPECT_EQ(api.id(), "default.petstore");
  EXPECT_EQ(api.name(), "Petstore");
  EXPECT_EQ(api.listen_path(), "/petstore/");
  EXPECT_TRUE(api.keyless());
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  EXPECT_EQ(api.client_tls().allowlist(0).certificate_id(), "name:secret/default/tls-cert/tls.crt");
  const auto& certificates = api.upstream().client_certificates().certificate_ids();
  EXPECT_EQ(certificates.at("petstore.example"), "name:secret/default/petstore-domain/tls.crt");
  EXPECT_EQ(certificates.at("petstore.co.uk"), "orgdd");
  EXPECT_EQ(api.upstream().pins().pins().at("*").certificate_ids_size(), 2);
  EXPECT_EQ(api.hosts(0), "pets.example");
  EXPECT_EQ(api.server_certificate_ids(0), "name:secret/default/server/tls.crt");
  EXPECT_THAT(conversion.resources.back().resource.document(),
              HasSubstr(R"("namespace":"default")"));
}

TEST(TykOperator, ProblemsOfTheDefinitionNameTheConfigMap) {
  Json definition = Json::parse(kPetstore);
  definition["x-tyk-api-gateway"]["server"]["listenPath"]["value"] = "pets";
  EXPECT_THAT(
      Texts(ConvertOperator(Oas("{}"), definition.dump()).errors),
      HasSubstr("ConfigMap default/cm (oas.json).x-tyk-api-gateway.server.listenPath.value"));
  EXPECT_THAT(Texts(ConvertOperator(Oas("{}"), "{").errors),
              HasSubstr("ConfigMap default/cm (oas.json)"));
  EXPECT_FALSE(ConvertOperator(Oas("{}"), "").ok());
  EXPECT_FALSE(ConvertOperator(Oas("{}"), "[1, 2]").ok());
}

TEST(TykOperator, ASwitchCannotTurnOffWhatTheDefinitionHasOn) {
  Json definition = Json::parse(kPetstore);
  definition["x-tyk-api-gateway"]["server"]["clientCertificates"] = {{"enabled", true},
                                                                     {"allowlist", {"orgaa"}}};
  const Json off = Oas(R"({"clientCertificate": {"enabled": false}})");
  EXPECT_THAT(Texts(ConvertOperator(off, definition.dump()).errors),
              HasSubstr("spec.clientCertificate.enabled"));
  const v1::Api api = OperatorApi(ConvertOperator(
      Oas(R"({"clientCertificate": {"enabled": true, "allowlist": ["b"]}})"), definition.dump()));
  EXPECT_EQ(api.client_tls().allowlist_size(), 2) << "never a shorter list";
}

TEST(TykOperator, SecurityPolicyNamesApisByTheirObjects) {
  const Conversion conversion = ConvertOperator(Object("SecurityPolicy", "gold", R"({
    "name": "Gold", "state": "active", "active": true, "rate": 10, "per": 1, "quota_max": 100,
    "quota_renewal_rate": 3600, "access_rights_array": [
      {"name": "httpbin", "namespace": "team", "versions": ["Default"]}, {"name": "local"}]})"));
  ASSERT_THAT(Texts(conversion.errors), IsEmpty());
  const v1::Policy& policy = conversion.resources.back().resource.policy();
  EXPECT_EQ(policy.id(), "default.gold");
  EXPECT_EQ(policy.access_rights(0).api_id(), "team.httpbin");
  EXPECT_EQ(policy.access_rights(1).api_id(), "default.local");
  EXPECT_EQ(policy.limits().rate().rate(), 10);
}

// --- with the planner

std::string ConfigMap(const std::string& definition) {
  return Json({{"apiVersion", "v1"},
               {"kind", "ConfigMap"},
               {"metadata", {{"name", "cm"}, {"namespace", "default"}}},
               {"data", {{"oas.json", definition}}}})
      .dump();
}

ApplyPlan PlanFor(const std::vector<std::string>& texts, const ConvertOptions& options) {
  v1::ApplyRequest request;
  for (const std::string& text : texts) request.add_documents()->set_content(text);
  return PlanApply(request, options);
}

TEST(TykOperator, OrderOfDocumentsDoesNotMatter) {
  for (const bool map_first : {true, false}) {
    std::vector<std::string> texts = {Oas("{}").dump(), ConfigMap(kPetstore)};
    if (map_first) std::swap(texts[0], texts[1]);
    const ApplyPlan plan = PlanFor(texts, TestOptions());
    EXPECT_FALSE(plan.refused) << plan.results[0].message();
    ASSERT_EQ(plan.puts.size(), 2u);
  }
}

TEST(TykOperator, AListOfKubectlIsItsItems) {
  const Json list = {{"apiVersion", "v1"},
                     {"kind", "List"},
                     {"items", {Json::parse(ConfigMap(kPetstore)), Oas("{}")}}};
  const ApplyPlan plan = PlanFor({list.dump()}, TestOptions());
  EXPECT_FALSE(plan.refused);
  EXPECT_EQ(plan.puts.size(), 2u);
}

TEST(TykOperator, WhatIsStoredIsMadeAnewWithItsConfigMap) {
  ConvertOptions options = TestOptions();
  Conversion first = ConvertOperator(Oas("{}"));
  first.resources.back().resource.set_set("mine");
  options.made_of_config_map = [&](const std::string& id) {
    std::vector<v1::Resource> made;
    if (id == "default/cm") made.push_back(first.resources.back().resource);
    return made;
  };
  Json changed = Json::parse(kPetstore);
  changed["x-tyk-api-gateway"]["info"]["name"] = "Renamed";
  const ApplyPlan plan = PlanFor({ConfigMap(changed.dump())}, options);
  ASSERT_EQ(plan.puts.size(), 2u);
  EXPECT_EQ(plan.puts[1].put.resource.api().name(), "Renamed");
  EXPECT_EQ(plan.puts[1].put.resource.set(), "mine") << "it keeps the set that it came with";
  changed["x-tyk-api-gateway"]["upstream"]["url"] = "nothing";
  EXPECT_TRUE(PlanFor({ConfigMap(changed.dump())}, options).refused)
      << "a ConfigMap that would break an API is refused with it";
}

}  // namespace
}  // namespace sallyport::authsvc::dialects
