#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/apk/conf.h"
#include "tests/unit/authsvc/dialects/apk_for_tests.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Conversion ConvertApkConf(const std::string& text) { return ConvertText(ConvertConf, text); }

v1::Api Api(const std::string& text) {
  const Conversion conversion = ConvertApkConf(text);
  EXPECT_TRUE(conversion.ok()) << Texts(conversion.errors);
  return conversion.resources.empty() ? v1::Api() : conversion.resources.back().resource.api();
}

std::string Refusals(const std::string& text) { return Texts(ConvertApkConf(text).errors); }

TEST(ApkConf, SeedWithMtlsBesideOAuth2) {
  const v1::Api api = Api(Employee(kMtls));
  EXPECT_EQ(api.id(), "mtls-api");
  EXPECT_EQ(api.org_id(), "org");
  EXPECT_EQ(api.style(), "apk");
  EXPECT_EQ(api.listen_path(), "/employee/3.14");
  EXPECT_TRUE(api.strip_listen_path());
  EXPECT_EQ(api.upstream().targets(0).url(), "https://run.mocky.io/v3/1327c339");
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
  EXPECT_THAT(AllowlistOf(api), ElementsAre("name:configmap/default/mtls-configmap/tls.crt"));
  ASSERT_EQ(api.jwts_size(), 1) << "no OAuth2 entry: on and mandatory";
  EXPECT_EQ(api.jwts(0).requirement(), v1::REQUIREMENT_MANDATORY);
  EXPECT_TRUE(api.jwts(0).strip());
  EXPECT_FALSE(api.keyless());
  ASSERT_EQ(api.versions(0).operations_size(), 2);
  EXPECT_EQ(api.versions(0).operations(0).path(), "/employee");
  EXPECT_THAT(api.versions(0).operations(1).methods(), ElementsAre("POST"));
}

TEST(ApkConf, OAuth2OptionalOrOff) {
  v1::Api api =
      Api(Employee(absl::StrCat(kMtls, "  - authType: OAuth2\n    required: optional\n")));
  EXPECT_EQ(api.jwts(0).requirement(), v1::REQUIREMENT_OPTIONAL);
  api = Api(Employee(absl::StrCat(kMtls, "  - authType: OAuth2\n    enabled: false\n")));
  EXPECT_EQ(api.jwts_size(), 0);
  EXPECT_TRUE(api.keyless()) << "the certificate alone";
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
}

TEST(ApkConf, MtlsIsMandatoryUnlessItSaysOptional) {
  EXPECT_EQ(Api(Employee(With(kMtls, "    required: mandatory\n", ""))).client_tls().static_mtls(),
            v1::REQUIREMENT_MANDATORY);
  const std::string optional = With(kMtls, "mandatory", "optional");
  EXPECT_EQ(Api(Employee(optional)).client_tls().static_mtls(), v1::REQUIREMENT_OPTIONAL);
  const v1::Api alone =
      Api(Employee(absl::StrCat(optional, "  - authType: OAuth2\n    enabled: false\n")));
  EXPECT_EQ(alone.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY)
      << "nothing else could let a caller in";
}

TEST(ApkConf, EverythingOffIsKeylessWithAWarning) {
  const Conversion conversion =
      ConvertApkConf(Employee("authentication:\n  - authType: OAuth2\n    enabled: false\n"));
  ASSERT_TRUE(conversion.ok());
  EXPECT_TRUE(conversion.resources.back().resource.api().keyless());
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("anybody may call this API"));
}

TEST(ApkConf, JwtAndApiKeyHavePlacesOfTheirOwn) {
  const v1::Api api = Api(Employee(R"(
authentication:
  - authType: JWT
    audience: [one, two]
  - authType: APIKey
    required: mandatory
    queryParamEnable: false
)"));
  ASSERT_EQ(api.jwts_size(), 2);
  EXPECT_EQ(api.jwts(0).header_name(), "");
  EXPECT_EQ(api.jwts(1).header_name(), "internal-key");
  EXPECT_THAT(api.jwts(1).audiences(), ElementsAre("one", "two"));
  EXPECT_EQ(api.token().header_name(), "apikey");
  EXPECT_FALSE(api.token().use_query());
  EXPECT_FALSE(api.token().optional());
}

TEST(ApkConf, DefaultVersionIsServedAtTheBasePathToo) {
  const v1::Api api = Api(With(kEmployee, "defaultVersion: false", "defaultVersion: true"));
  EXPECT_EQ(api.listen_path(), "/employee");
  EXPECT_TRUE(api.versioning().enabled());
  EXPECT_EQ(api.versioning().location(), "url");
  EXPECT_TRUE(api.versioning().strip());
  EXPECT_TRUE(api.versioning().fallback_to_default());
  EXPECT_EQ(api.versioning().default_version(), "3.14");
  EXPECT_EQ(api.versions(0).name(), "3.14");
  EXPECT_EQ(api.versions(0).operations_size(), 2) << "the same rules at both";
}

TEST(ApkConf, BasePathThatEndsWithTheVersion) {
  EXPECT_EQ(
      Api(With(kEmployee, "\"/employee\"\nversion", "\"/employee/3.14\"\nversion")).listen_path(),
      "/employee/3.14");
}

TEST(ApkConf, VersionThatYamlTakesForANumber) {
  EXPECT_EQ(Api(With(kEmployee, "\"3.14\"", "3.10")).listen_path(), "/employee/3.10");
}

TEST(ApkConf, IdIsMadeOfNameAndVersion) {
  const v1::Api one = Api(With(kEmployee, "id: \"mtls-api\"\n", ""));
  EXPECT_EQ(one.id().size(), 40u);
  EXPECT_EQ(one.id(), Api(With(With(kEmployee, "id: \"mtls-api\"\n", ""), "/v3/", "/v4/")).id());
  EXPECT_NE(one.id(), Api(With(With(kEmployee, "id: \"mtls-api\"\n", ""), "3.14", "4")).id());
}

TEST(ApkConf, KeptWithIdAndNamespaceAndReadBack) {
  const Conversion conversion = ConvertApkConf(With(kEmployee, "id: \"mtls-api\"\n", ""));
  Node document;
  std::string name_space;
  const v1::Resource& resource = conversion.resources.back().resource;
  ASSERT_TRUE(KeptConf(resource, &document, &name_space));
  EXPECT_EQ(name_space, "default");
  EXPECT_EQ(document.Text("id"), resource.id());
  const auto again = ReadDocuments(ToYaml(document));
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ToJson(again->front()), ToJson(document));
}

TEST(ApkConf, ServiceOfKubernetesAndItsAuthority) {
  const Conversion conversion =
      ConvertApkConf(With(kEmployee, "endpoint: \"https://run.mocky.io/v3/1327c339\"",
                          R"(endpoint: {name: pay, namespace: shop, port: 8443, protocol: https}
    certificate: {secretName: ca, secretKey: ca.crt}
    resiliency:
      timeout: {upstreamResponseTimeout: 20, downstreamRequestIdleTimeout: 300}
      circuitBreaker: {maxConnections: 7, maxPendingRequests: 8, maxRequests: 9}
      retryPolicy: {count: 3})"));
  ASSERT_TRUE(conversion.ok()) << Texts(conversion.errors);
  ASSERT_EQ(conversion.resources.size(), 2u);
  const v1::Upstream& upstream = conversion.resources[1].resource.api().upstream();
  EXPECT_EQ(upstream.targets(0).url(), "https://pay.shop.svc.cluster.local:8443");
  EXPECT_EQ(upstream.timeouts().total_ms(), 20'000u);
  EXPECT_EQ(upstream.timeouts().idle_ms(), 300'000u);
  EXPECT_EQ(upstream.limits().max_connections(), 7u);
  EXPECT_EQ(upstream.limits().max_pending(), 8u);
  EXPECT_EQ(upstream.limits().max_requests(), 9u);
  EXPECT_THAT(upstream.tls().trust_bundle_ids(), ElementsAre("mtls-api.endpoint"));
  EXPECT_THAT(conversion.resources[0].resource.trust_bundle().certificate_ids(),
              ElementsAre("name:secret/default/ca/ca.crt"));
  EXPECT_THAT(Texts(conversion.warnings), HasSubstr("retryPolicy.count"));
}

TEST(ApkConf, OperationsScopesPoliciesAndLimits) {
  const v1::Api api = Api(With(kEmployee, "operations:\n", R"(operations:
  - target: /orders/{id}
    verb: get
    scopes: [read, admin]
    rateLimit: {requestsPerUnit: 3, unit: Hour}
    operationPolicies:
      request:
        - policyName: SetHeader
          parameters: {headerName: X-A, headerValue: b}
        - policyName: RemoveHeader
          parameters: {headerName: X-C}
      response:
        - policyName: AddHeader
          policyVersion: v1
          parameters: {headerName: X-D, headerValue: e}
  - target: /files/*
    verb: GET
    secured: false
)"));
  const v1::ApiVersion& version = api.versions(0);
  EXPECT_THAT(version.operations(0).scopes(), ElementsAre("read", "admin"));
  EXPECT_THAT(version.operations(0).methods(), ElementsAre("GET"));
  EXPECT_EQ(version.operations(0).rate().rate(), 3);
  EXPECT_EQ(version.operations(0).rate().per_seconds(), 3600);
  EXPECT_TRUE(version.operations(1).open());
  ASSERT_EQ(version.endpoints_size(), 1);
  EXPECT_EQ(version.endpoints(0).rule().path(), "^/orders/[^/]+$");
  EXPECT_EQ(version.endpoints(0).request_headers().set().at("X-A"), "b");
  EXPECT_THAT(version.endpoints(0).request_headers().remove(), ElementsAre("X-C"));
  EXPECT_EQ(version.endpoints(0).response_headers().set().at("X-D"), "e");
}

TEST(ApkConf, ApiLevelPoliciesLimitAndCors) {
  const v1::Api api = Api(Employee(R"(
rateLimit: {requestsPerUnit: 5, unit: Minute}
apiPolicies:
  request:
    - policyName: AddHeader
      parameters: {headerName: X-A, headerValue: b}
corsConfiguration:
  corsConfigurationEnabled: true
  accessControlAllowOrigins: ["https://a.example"]
  accessControlAllowMethods: [GET]
  accessControlAllowHeaders: [Authorization]
  accessControlAllowCredentials: true
  accessControlAllowMaxAge: 60
)"));
  EXPECT_EQ(api.limits().rate().rate(), 5);
  EXPECT_EQ(api.limits().rate().per_seconds(), 60);
  EXPECT_EQ(api.versions(0).request_headers().set().at("X-A"), "b");
  EXPECT_TRUE(api.cors().enabled());
  EXPECT_TRUE(api.cors().allow_credentials());
  EXPECT_EQ(api.cors().max_age_seconds(), 60);
}

TEST(ApkConf, GrpcServicesAreCalledByTheirWholeName) {
  const v1::Api api = Api(R"(
name: students
id: students
basePath: /org.apk
version: v1
type: GRPC
defaultVersion: true
endpointConfigurations: {production: {endpoint: "http://students:6565"}}
operations:
  - {target: student_service.StudentService, verb: GetStudent, scopes: [read]}
)");
  EXPECT_EQ(api.listen_path(), "/org.apk.");
  EXPECT_EQ(api.matching().path_match(), "prefix");
  EXPECT_FALSE(api.strip_listen_path());
  EXPECT_EQ(api.upstream().protocol(), "h2c");
  ASSERT_EQ(api.versions(0).operations_size(), 2);
  EXPECT_EQ(api.versions(0).operations(0).path(),
            "/org.apk.v1.student_service.StudentService/GetStudent");
  EXPECT_EQ(api.versions(0).operations(1).path(),
            "/org.apk.student_service.StudentService/GetStudent");
  EXPECT_THAT(api.versions(0).operations(1).scopes(), ElementsAre("read"));
}

TEST(ApkConf, GraphQlAsAWhole) {
  const std::string text = With(kEmployee, "\"REST\"", "\"GRAPHQL\"");
  const v1::Api api = Api(text);
  ASSERT_EQ(api.versions(0).operations_size(), 1);
  EXPECT_EQ(api.versions(0).operations(0).path(), "/");
  for (const auto& [from, to, field] :
       {std::tuple{"secured: true", "secured: false", "secured"},
        {"scopes: []", "scopes: [a]", "scopes"},
        {"scopes: []", "rateLimit: {requestsPerUnit: 1, unit: Minute}", "rateLimit"},
        {"scopes: []", "operationPolicies: {request: []}", "operationPolicies"},
        {"scopes: []", "endpointConfigurations: {}", "endpointConfigurations"}}) {
    EXPECT_THAT(Refusals(With(text, from, to)),
                AllOf(HasSubstr(absl::StrCat("operations[0].", field, " (line ")),
                      HasSubstr("not told apart here")))
        << field;
  }
}

struct Bad {
  const char* from;
  const char* to;
  const char* says;
};

class ApkConfRefuses : public ::testing::TestWithParam<Bad> {};

TEST_P(ApkConfRefuses, ByPathAndName) {
  const Bad& bad = GetParam();
  EXPECT_THAT(Refusals(With(Employee(kMtls), bad.from, bad.to)), HasSubstr(bad.says)) << bad.to;
}

constexpr Bad kBad[] = {
    {"type: \"REST\"", "type: \"REST\"\ndefaultVersions: true", "did you mean \"defaultVersion\""},
    {"type: \"REST\"", "type: REST\nsubscriptionValidation: true", "subscriptionValidation"},
    {"type: \"REST\"", "type: REST\naiProvider: {name: x, apiVersion: y}", "aiProvider"},
    {"type: \"REST\"", "type: REST\nenvironment: 4.2\nid2: x", "id2"},
    {"type: \"REST\"", "type: rest", "did you mean \"REST\""},
    {"\"EmployeeServiceAPI\"", "\"\"", "name (line"},
    {"\"EmployeeServiceAPI\"", "a123456789012345678901234567890123456789012345678901234567890",
     "1 to 60"},
    {"\"/employee\"\nversion", "employee\nversion", "basePath"},
    {"\"/employee\"\nversion", "/a/{b}\nversion", "basePath"},
    {"\"3.14\"", "\"3/14\"", "special characters"},
    {"\"3.14\"", "\"\"", "1 to 30"},
    {"\"mtls-api\"", "\"\"", "1 to 200"},
    {"/employee\"\nversion", "/em ployee\"\nversion", "basePath"},
    {"/employee\"\nversion", "/a/../b\"\nversion", "basePath"},
    {"production:", "sandbox:", "sandbox"},
    {"endpoint: \"https", "endpoint: \"ftp", "endpoint"},
    {"    endpoint:",
     "    endpointSecurity: {enabled: true, securityType: {secretName: a}}\n"
     "    endpoint:",
     "endpointSecurity"},
    {"    endpoint:", "    certificate: {secretName: a}\n    endpoint:", "secretKey"},
    {"    endpoint:", "    certificates: {secretName: a}\n    endpoint:",
     "did you mean \"certificate\""},
    {"    endpoint:", "    resiliency: {timeout: {upstreamResponseTimeout: -1}}\n    endpoint:",
     "86400 seconds"},
    {"verb: \"POST\"", "verb: \"BREW\"", "verb"},
    {"verb: \"POST\"", "verb: \"GET\"", "stands there twice"},
    {"verb: \"POST\"", "verb: \"POST\"\n    secure: false", "did you mean \"secured\""},
    {"verb: \"POST\"", "verb: \"POST\"\n    endpointConfigurations: {production: {endpoint: x}}",
     "endpointConfigurations.production.endpoint"},
    {"verb: \"POST\"",
     "verb: \"POST\"\n    endpointConfigurations: {production: {endpoint: \"http://x\", "
     "endpointSecurity: {enabled: true, securityType: {secretName: a, userNameKey: b, "
     "passwordKey: c}}}}",
     "credentials go to the API's endpoints alone"},
    {"production:", "sandbox: {endpoint: \"http://x\"}\n  production:", "apk.sandbox_hosts"},
    {"\"mtls-api\"", "\"mtls~sandbox\"", "another API's sandbox"},
    {"    endpoint:", "    endpointSecurity: {enabled: true}\n    endpoint:", "securityType"},
    {"    endpoint:",
     "    endpointSecurity: {enabled: true, securityType: {secretName: a, userNameKey: b, "
     "passwordKy: c}}\n    endpoint:",
     "did you mean \"passwordKey\""},
    {"    endpoint:",
     "    endpointSecurity: {enabled: true, securityType: {secretName: a, in: Query, "
     "apiKeyNameKey: b, apiKeyValueKey: c}}\n    endpoint:",
     "in headers alone"},
    {"verb: \"POST\"", "verb: \"POST\"\n    rateLimit: {requestsPerUnit: 0, unit: Week}",
     "Minute, Hour or Day"},
    {"verb: \"POST\"",
     "verb: \"POST\"\n    operationPolicies: {request: [{policyName: Interceptor}]}",
     "policy Interceptor does not exist here"},
    {"verb: \"POST\"",
     "verb: \"POST\"\n    operationPolicies: {request: [{policyName: SetHeaders}]}",
     "did you mean \"SetHeader\""},
    {"target: \"/employee\"", "target: \"/a/*/b\"", "before its last segment"},
    {"target: \"/employee\"", "target: \"/a/x{id}\"", "a parameter is a whole segment"},
    {"target: \"/employee\"", "target: \"employee\"", "must begin with /"},
    {"target: \"/employee\"", "target: \"/a/../b\"", "a dot segment"},
    {"secured: true\n    scopes: []", "secured: false\n    scopes: [a]", "secured is false"},
    {"required: mandatory", "required: always", "mandatory or optional"},
    {"required: mandatory", "enable: false", "did you mean \"enabled\""},
    {"authType: mTLS", "authType: mtls", "did you mean \"mTLS\""},
    {"        key: tls.crt\n", "", "key"},
    {"name: mtls-configmap", "name: ../x", "lower-case letters"},
    {"    certificates:\n      - name: mtls-configmap\n        key: tls.crt\n", "",
     "invalid mTLS configuration - certificates not provided"},
    {"authentication:\n", "authentication:\n  - authType: OAuth2\n  - authType: OAuth2\n", "twice"},
    {"authentication:\n", "authentication:\n  - authType: JWT\n    headerName: authorization\n",
     "two credentials in header"},
    {"authentication:\n", "authentication:\n  - authType: OAuth2\n    headerEnable: false\n",
     "no place for it"},
    {"authentication:\n",
     "corsConfiguration: {corsConfigurationEnabled: \"true\"}\nauthentication:\n", "true or false"},
};
INSTANTIATE_TEST_SUITE_P(All, ApkConfRefuses, ::testing::ValuesIn(kBad));

TEST(ApkConf, ScopesWithoutATokenAreRefused) {
  const std::string scoped = With(kEmployee, "scopes: []", "scopes: [read]");
  EXPECT_TRUE(ConvertApkConf(scoped).ok());
  EXPECT_THAT(Refusals(scoped + "authentication:\n  - authType: OAuth2\n    enabled: false\n"),
              HasSubstr("neither OAuth2 nor JWT is on"));
}

TEST(ApkConf, LimitsAndPoliciesAtBothLevelsAreRefused) {
  const std::string text = With(kEmployee, "verb: \"POST\"", R"(verb: "POST"
    rateLimit: {requestsPerUnit: 1, unit: Day}
    operationPolicies: {request: [{policyName: RemoveHeader, parameters: {headerName: A}}]})");
  EXPECT_THAT(Refusals(text + "rateLimit: {requestsPerUnit: 1, unit: Day}\n"), HasSubstr("909026"));
  EXPECT_THAT(Refusals(text + "apiPolicies: {request: [{policyName: RemoveHeader, parameters: "
                              "{headerName: B}}]}\n"),
              HasSubstr("909025"));
}

TEST(ApkConf, WithoutOperationsOrEndpoint) {
  EXPECT_THAT(
      Refusals("name: a\nbasePath: /a\nversion: v\ntype: REST\noperations: []\n"),
      ::testing::AllOf(HasSubstr("909021"), HasSubstr("endpointConfigurations.production")));
}

TEST(ApkConf, HostileShapes) {
  const std::string head = "name: a\nbasePath: /a\nversion: v\ntype: REST\n";
  for (const char* rest : {
           "operations: 7\n",
           "operations: [7, null, [], {target: {}, verb: []}]\n",
           "operations: {a: b}\nauthentication: {a: b}\n",
           "operations: [{target: /, verb: GET, scopes: {a: b}, rateLimit: 7}]\n"
           "authentication: [7, null, {}, {authType: 7}, {authType: mTLS, certificates: [7, "
           "null]}]\n",
           "operations: []\nendpointConfigurations: [1]\n",
           "operations: []\nendpointConfigurations: {production: [null, 7, {}]}\n",
           "operations: []\nendpointConfigurations: {production: {endpoint: {name: [], port: -1}, "
           "certificate: 7, resiliency: [], weight: -5}}\n",
           "operations: []\napiPolicies: {request: {a: b}, response: [7, {policyName: [], "
           "parameters: 7}]}\nadditionalProperties: [7]\ncorsConfiguration: []\n",
       }) {
    EXPECT_FALSE(ConvertApkConf(head + rest).ok()) << rest;
  }
}

TEST(ApkConf, ManyOperations) {
  std::string text = kEmployee;
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&text, "  - {target: /a", i, ", verb: GET}\n");
  EXPECT_THAT(Refusals(text), HasSubstr("more than 2000"));
}

TEST(ApkConf, RecognisedByShape) {
  std::string why;
  const auto documents = ReadDocuments(kEmployee);
  ASSERT_TRUE(documents.ok());
  const Dialect* dialect = RecogniseDialect(documents->front(), &why);
  ASSERT_NE(dialect, nullptr) << why;
  EXPECT_EQ(dialect->name, kApkConf);
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
