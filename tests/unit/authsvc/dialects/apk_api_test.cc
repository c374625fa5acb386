#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/apk/api.h"
#include "authsvc/dialects/apk/http_route.h"
#include "tests/unit/authsvc/dialects/apk_store.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kApiCr[] = R"(
apiVersion: dp.wso2.com/v1alpha3
kind: API
metadata: {name: employee, namespace: apk}
spec:
  apiName: EmployeeServiceAPI
  apiType: REST
  apiVersion: "3.14"
  basePath: /employee/3.14
  isDefaultVersion: true
  organization: default
  production: [{routeRefs: [employee-route]}]
)";
constexpr char kRouteCr[] = R"(
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata: {name: employee-route, namespace: apk}
spec:
  hostnames: [default.gw.example.com]
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: wso2-apk-default}]
  rules:
    - matches:
        - path: {type: PathPrefix, value: /employees}
          method: GET
        - path: {type: RegularExpression, value: "/employee/([^/]+)/pay"}
          method: POST
      filters:
        - type: ExtensionRef
          extensionRef: {group: dp.wso2.com, kind: Scope, name: read}
        - type: RequestHeaderModifier
          requestHeaderModifier: {set: [{name: X-A, value: b}], remove: [X-C]}
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: employee-backend, weight: 1}]
)";
constexpr char kBackendCr[] = R"(
apiVersion: dp.wso2.com/v1alpha2
kind: Backend
metadata: {name: employee-backend, namespace: apk}
spec:
  services: [{host: pay.example, port: 8443}]
  protocol: https
  basePath: /v3
  tls:
    secretRef: {name: ca, key: ca.crt}
    allowedSANs: [pay.internal]
    clientCertificateRef: {name: gateway}
  timeout: {upstreamResponseTimeout: 20, downstreamRequestIdleTimeout: 300}
  circuitBreaker: {maxConnections: 5}
)";
constexpr char kScopeCr[] = R"(
apiVersion: dp.wso2.com/v1alpha1
kind: Scope
metadata: {name: read, namespace: apk}
spec: {names: [employee:read]}
)";

std::vector<std::string> All() { return {kApiCr, kRouteCr, kBackendCr, kScopeCr}; }

TEST(ApkApi, OfItsParts) {
  Store store;
  const ApplyPlan plan = store.Apply(All());
  EXPECT_THAT(MessagesOf(plan), Not(HasSubstr("pending")));
  const v1::Api& api = store.Api("apk.employee");
  EXPECT_EQ(api.name(), "EmployeeServiceAPI");
  EXPECT_EQ(api.style(), "apk");
  EXPECT_EQ(api.listen_path(), "/employee");
  EXPECT_EQ(api.versioning().default_version(), "3.14");
  EXPECT_THAT(api.hosts(), ElementsAre("default.gw.example.com"));
  ASSERT_EQ(api.versions(0).operations_size(), 3);
  EXPECT_EQ(api.versions(0).operations(0).path(), "/employees/*");
  EXPECT_EQ(api.versions(0).operations(1).path(), "/employee/{p1}/pay");
  EXPECT_EQ(api.versions(0).operations(2).path(), "/employees");
  EXPECT_THAT(api.versions(0).operations(2).scopes(), ElementsAre("employee:read"));
  EXPECT_EQ(api.versions(0).endpoints_size(), 3) << "/employees has its own";
  const v1::Upstream& upstream = api.upstream();
  EXPECT_EQ(upstream.targets(0).url(), "https://pay.example:8443/v3");
  EXPECT_EQ(upstream.tls().server_name(), "pay.internal");
  EXPECT_THAT(upstream.tls().trust_bundle_ids(), ElementsAre("apk.employee.endpoint"));
  EXPECT_EQ(upstream.client_certificates().certificate_ids().at("pay.example:8443"),
            "name:secret/apk/gateway/tls.crt");
  EXPECT_EQ(upstream.timeouts().total_ms(), 20'000u);
  EXPECT_EQ(upstream.limits().max_connections(), 5u);
  ASSERT_EQ(api.jwts_size(), 1);
  EXPECT_EQ(api.jwts(0).requirement(), v1::REQUIREMENT_MANDATORY);
  EXPECT_THAT(store.resources()["apk/apk/API/employee"].dialect_object().resources(),
              ElementsAre("Api apk.employee"));
}

TEST(ApkApi, ServesNothingUntilAllIsThereInAnyOrder) {
  std::vector<std::string> texts = All();
  std::sort(texts.begin(), texts.end());
  do {
    Store store;
    for (size_t i = 0; i < texts.size(); ++i) {
      store.Apply({texts[i]});
      EXPECT_EQ(store.resources().count("apk.employee") == 1, i + 1 == texts.size());
    }
    Store together;
    together.Apply(texts);
    EXPECT_EQ(store.Api("apk.employee").SerializeAsString().size(),
              together.Api("apk.employee").SerializeAsString().size());
  } while (std::next_permutation(texts.begin(), texts.end()));
}

TEST(ApkApi, FollowsChangesOfItsParts) {
  Store store;
  store.Apply(All());
  store.Apply({With(kBackendCr, "pay.example", "pay2.example")});
  EXPECT_EQ(store.Api("apk.employee").upstream().targets(0).url(), "https://pay2.example:8443/v3");
  store.Apply({With(kScopeCr, "employee:read", "other")});
  EXPECT_THAT(store.Api("apk.employee").versions(0).operations(0).scopes(), ElementsAre("other"));
}

TEST(ApkApi, GoesWhenAPartGoes) {
  Store store;
  store.Apply({kApiCr, kRouteCr, kBackendCr});
  store.Apply({kScopeCr}, "scopes");
  ASSERT_EQ(store.resources().count("apk.employee"), 1u);
  const ApplyPlan plan =
      store.Apply({"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}, "scopes");
  EXPECT_THAT(plan.gone_apis, ElementsAre("apk.employee"));
  EXPECT_THAT(MessagesOf(plan), HasSubstr("pending: Scope read"));
}

TEST(ApkApi, ObeysItsAuthentication) {
  Store store;
  store.Apply(All());
  store.Apply({R"(
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: a, namespace: apk}
spec:
  default: {authTypes: {mtls: {required: optional, secretRefs: [{name: s, key: c}]}}}
  targetRef: {group: gateway.networking.k8s.io, kind: API, name: employee}
)"});
  EXPECT_EQ(store.Api("apk.employee").client_tls().static_mtls(), v1::REQUIREMENT_OPTIONAL);
  EXPECT_THAT(AllowlistOf(store.Api("apk.employee")), ElementsAre("name:secret/apk/s/c"));
}

struct BadPart {
  std::string text;
  const char* says;
};

TEST(ApkApi, Refusals) {
  const BadPart bad[] = {
      {With(kApiCr, "production:", "sandbox:"), "sandbox"},
      {With(kApiCr, "REST", "GraphQL"), "must be REST or GRPC"},
      {With(kApiCr, "routeRefs", "routeRef"), "did you mean \"routeRefs\""},
      {With(kApiCr, "[employee-route]", "[a, b]"), "exactly one route"},
      {With(kApiCr, "/employee/3.14", "employee"), "basePath"},
      {With(kApiCr, "  organization: default", "  systemAPI: true"), "systemAPI"},
      {With(kRouteCr, "kind: Backend", "kind: Backends"), "must be Backend"},
      {With(kRouteCr, "kind: Scope", "kind: APIPolicy"), "cannot be followed"},
      {With(kRouteCr, "type: RequestHeaderModifier", "type: URLRewrite"), "urlRewrite"},
      {With(kRouteCr, "type: RequestHeaderModifier", "type: RequestMirror"), "RequestMirror"},
      {With(kRouteCr, "method: GET", "method: GET\n          headers: [{name: a, value: b}]"),
       "path and method alone"},
      {With(kRouteCr, "([^/]+)", "(a|b)"), "only expressions as APK writes them"},
      {With(kRouteCr, "/employees}", "/a/*/b}"), "path"},
      {With(kRouteCr, "weight: 1", "weight: 0"), "weight"},
      {With(kRouteCr, "kind: Backend,", "kind: Backend, namespace: other,"),
       "must be that of this object"},
      {With(kBackendCr, "pay.internal", "\"*.internal\""), "expressions do not exist here"},
      {With(kBackendCr, "pay.internal", "a.b, c.d"), "only one name"},
      {With(kBackendCr, "services: [{host: pay.example, port: 8443}]", "services: []"),
       "exactly one"},
      {With(kBackendCr, "port: 8443", "port: 0"), "1 to 65535"},
      {With(kBackendCr, "host: pay.example", "host: \"a b\""), "a name or an address"},
      {With(kBackendCr, "protocol: https", "protocol: http"), "is for protocol https"},
      {With(kBackendCr, "protocol: https", "protocol: ftp"), "protocol"},
      {With(kBackendCr, "  basePath: /v3", "  security: {basic: {secretRef: {}}}"),
       "it names a Secret"},
      {With(kBackendCr, "  basePath: /v3", "  security: {}"), "basic or apiKey"},
      {With(kBackendCr, "  basePath: /v3", "  security: {basic: {secretref: {name: a}}}"),
       "did you mean \"secretRef\""},
      {With(kBackendCr, "  basePath: /v3",
            "  security: {apiKey: {in: Query, name: k, valueFrom: {name: a, valueKey: b}}}"),
       "in headers alone"},
      {With(kBackendCr, "  basePath: /v3",
            "  security: {apiKey: {in: Header, valueFrom: {name: a, valueKey: b}}}"),
       "it names the header"},
      {With(kBackendCr, "  basePath: /v3",
            "  security: {basic: {secretRef: {name: a, usernameKey: \"a/b\"}}}"),
       "usernameKey"},
      {With(kBackendCr, "secretRef: {name: ca, key: ca.crt}",
            "certificateInline: \"name:secret/other/ca/ca.crt\""),
       "fields of their own"},
      {With(kBackendCr, "secretRef:", "secretRefs:"), "did you mean \"secretRef\""},
      {With(kScopeCr, "[employee:read]", "[]"), "a scope needs a name"},
      {With(kScopeCr, "[employee:read]", "[a b]"), "with a blank"},
  };
  const Store store;
  for (const BadPart& one : bad)
    EXPECT_THAT(MessagesOf(store.Refused({one.text})), HasSubstr(one.says)) << one.text;
}

TEST(ApkApi, ARouteThatNoApiNamesSaysThatItServesNothing) {
  Store store;
  EXPECT_THAT(MessagesOf(store.Apply({kRouteCr})), HasSubstr("no API names this route"));
  EXPECT_THAT(MessagesOf(store.Apply({kApiCr, kRouteCr})),
              Not(HasSubstr("no API names this route")));
  EXPECT_THAT(MessagesOf(store.Apply({With(kApiCr, "[employee-route]", "[another]"), kRouteCr})),
              HasSubstr("no API names this route"));
}

TEST(ApkApi, ServicesOfKubernetesAreTargetsThemselves) {
  Store store;
  store.Apply(
      {kApiCr, kScopeCr,
       With(kRouteCr, "{group: dp.wso2.com, kind: Backend, name: employee-backend, weight: 1}",
            "{kind: Service, name: pay, port: 80}")});
  EXPECT_EQ(store.Api("apk.employee").upstream().targets(0).url(),
            "http://pay.apk.svc.cluster.local:80");
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
