// HTTPRoutes with rewrites, Backends of single rules, sandboxes and policies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/apk/route_rewrite.h"
#include "re2/re2.h"
#include "shared/header/rewrite_template.h"
#include "tests/unit/authsvc/dialects/apk_store.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// What a request becomes, as the data plane does it.
std::string Rewritten(const v1::Rewrite& rewrite, const std::string& target) {
  const RE2 pattern(rewrite.pattern());
  EXPECT_TRUE(pattern.ok()) << rewrite.pattern();
  std::vector<re2::StringPiece> found(static_cast<size_t>(pattern.NumberOfCapturingGroups()) + 1);
  if (!pattern.Match(target, 0, target.size(), RE2::UNANCHORED, found.data(),
                     static_cast<int>(found.size())))
    return "no match";
  const auto text = header::RewriteTemplate::Parse(rewrite.target());
  EXPECT_TRUE(text.ok()) << text.status();
  if (!text.ok()) return "";
  return text->server() + text->Render([&](const header::RewriteTemplate::Part& part) {
    if (part.source == header::RewriteTemplate::Source::kText) return absl::string_view(part.text);
    const re2::StringPiece& piece = found.at(static_cast<size_t>(part.group));
    return absl::string_view(piece.data(), piece.size());
  });
}

struct Case {
  RoutePath path;
  PathChange change;
  const char* server;
  const char* from;
  const char* to;
};

TEST(ApkRewrite, OfPathsAndServers) {
  using Kind = PathChange::Kind;
  const Case cases[] = {
      {ExactPath("/a"), {Kind::kFull, "/b"}, "", "/a?q=1&r", "/b?q=1&r"},
      {ExactPath("/a"), {Kind::kFull, "/b"}, "", "/a", "/b"},
      {ExactPath("/a"), {Kind::kFull, "/b"}, "", "/a/x", "no match"},
      {PrefixPath("/a"), {Kind::kFull, "/b{"}, "", "/a/x/y?q", "/b{?q"},
      {PrefixPath("/a/"), {Kind::kPrefix, "/b"}, "", "/a/x/y?q", "/b/x/y?q"},
      {PrefixPath("/a"), {Kind::kPrefix, "/b/"}, "", "/a", "/b"},
      {PrefixPath("/a"), {Kind::kPrefix, "/b"}, "", "/ab", "no match"},
      {PrefixPath("/a"), {Kind::kPrefix, "/"}, "", "/a/x?q", "/x?q"},
      {PrefixPath("/a"), {Kind::kPrefix, "/"}, "", "/a", "/"},
      {PrefixPath("/"), {Kind::kPrefix, "/b"}, "", "/x", "/b/x"},
      {ExpressionPath("/a/([^/]+)/b"), {Kind::kFull, R"(/c/\1)"}, "", "/a/7/b?q", "/c/7?q"},
      {ExpressionPath("/a/(.*)"), {Kind::kFull, R"(/c/\1)"}, "", "/a/7/b?q", "/c/7/b?q"},
      {ExpressionPath("/a/(.*)"), {Kind::kFull, R"(/c/\1)"}, "", "/a", "/c/"},
      {ExpressionPath("/a((/.*)*)"), {Kind::kFull, R"(/c\1)"}, "", "/a/x/y", "/c/x/y"},
      {ExactPath("/a"), {}, "https://o.example:1/base/", "/a?q", "https://o.example:1/base/a?q"},
      {ExactPath("/a"), {}, "https://o.example", "/a", "https://o.example/a"},
      {PrefixPath("/a"), {Kind::kPrefix, "/b"}, "http://o", "/a/x", "http://o/b/x"},
  };
  for (const Case& one : cases) {
    Conversion out;
    v1::Endpoint endpoint;
    const Fields where(nullptr, "", &out);
    ASSERT_TRUE(PutRewrite(one.path, one.change, one.server, where, &endpoint)) << one.from;
    EXPECT_EQ(Rewritten(endpoint.rewrite(), one.from), one.to) << endpoint.rewrite().DebugString();
  }
}

TEST(ApkRewrite, ThatChangesNothingIsNone) {
  const std::pair<RoutePath, const char*> same[] = {{ExactPath("/a"), "/a"},
                                                    {ExpressionPath("/a/([^/]+)"), R"(/a/\1)"},
                                                    {ExpressionPath("/a((/.*)*)"), R"(/a\1)"},
                                                    {ExpressionPath("((/.*)*)"), R"(\1)"}};
  for (const auto& [path, text] : same) {
    Conversion out;
    v1::Endpoint endpoint;
    EXPECT_TRUE(PutRewrite(path, {PathChange::Kind::kFull, text}, "", Fields(nullptr, "", &out),
                           &endpoint));
    EXPECT_FALSE(endpoint.has_rewrite()) << text;
  }
  EXPECT_EQ(ExpressionPath("((/.*)*)").path, "/*");
}

constexpr char kApi[] = R"(
apiVersion: dp.wso2.com/v1alpha3
kind: API
metadata: {name: pay}
spec:
  apiName: Pay
  apiType: REST
  apiVersion: "1"
  basePath: /pay/1
  production: [{routeRefs: [pay-route]}]
)";
constexpr char kRoute[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: pay-route}
spec:
  hostnames: [gw.example]
  rules:
    - matches: [{path: {type: PathPrefix, value: /a}, method: GET}]
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]
    - matches: [{path: {type: Exact, value: /a/b}, method: GET}]
      filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /c}}}]
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: two}]
)";

std::string BackendText(const std::string& name, const std::string& more = "") {
  return absl::StrCat("apiVersion: dp.wso2.com/v1alpha2\nkind: Backend\nmetadata: {name: ", name,
                      "}\nspec:\n  services: [{host: ", name,
                      ".example, port: 443}]\n  protocol: https\n  basePath: /base\n", more);
}

TEST(ApkRoutes, RulesMayGoToABackendOfTheirOwn) {
  Store store;
  store.Apply({kApi, kRoute, BackendText("one")});
  EXPECT_EQ(store.resources().count("default.pay"), 0u) << "the second is not there yet";
  store.Apply({BackendText("two", "  tls: {clientCertificateRef: {name: c}}\n")});
  const v1::Api& api = store.Api("default.pay");
  ASSERT_EQ(api.upstream().targets_size(), 1);
  EXPECT_EQ(api.upstream().targets(0).url(), "https://one.example:443/base");
  EXPECT_EQ(api.upstream().client_certificates().certificate_ids().at("two.example:443"),
            "name:secret/default/c/tls.crt");
  ASSERT_EQ(api.versions(0).endpoints_size(), 1);
  EXPECT_EQ(Rewritten(api.versions(0).endpoints(0).rewrite(), "/a/b?q"),
            "https://two.example:443/base/c?q");
  store.Apply({BackendText("two", "  tls: {allowedSANs: [two.example]}\n")});
  EXPECT_THAT(Rewritten(store.Api("default.pay").versions(0).endpoints(0).rewrite(), "/a/b"),
              HasSubstr("two.example"));
}

TEST(ApkRoutes, WhatABackendOfARuleCannotHaveIsRefused) {
  Store store;
  store.Apply({kApi, kRoute, BackendText("one")});
  for (const auto& [more, says] :
       {std::pair{"  tls: {allowedSANs: [other.example]}\n",
                  "timeouts, circuit breakers and names"},
        {"  timeout: {upstreamResponseTimeout: 3}\n", "timeouts, circuit breakers and names"},
        {"  security: {basic: {secretRef: {name: s}}}\n", "the Backends of the first rule alone"}})
    EXPECT_THAT(MessagesOf(store.Refused({BackendText("two", more)})), HasSubstr(says));
  EXPECT_THAT(
      MessagesOf(store.Refused({With(
          kRoute, "name: two}]", "name: two}, {group: dp.wso2.com, kind: Backend, name: x}]")})),
      HasSubstr("a rule of its own goes to one"));
}

TEST(ApkRoutes, BackendSecurityNamesItsSecret) {
  Store store;
  store.Apply({kApi, kRoute, BackendText("two"),
               BackendText("one", "  security: {basic: {secretRef: {name: login}}}\n")});
  const v1::UpstreamCredential& credential = store.Api("default.pay").upstream().credential();
  EXPECT_EQ(credential.username_ref(), "name:secret/default/login/username");
  EXPECT_EQ(credential.password_ref(), "name:secret/default/login/password");
}

constexpr char kGrpcRouteCr[] = R"(
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: pay-route}
spec:
  hostnames: [gw.example]
  rules:
    - matches:
        - method: {type: Exact, service: pkg.Students, method: Get}
        - method: {service: pkg.Open}
      filters: [{type: ExtensionRef, extensionRef: {group: dp.wso2.com, kind: Scope, name: read}}]
      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]
)";
constexpr char kReadScope[] = R"(
apiVersion: dp.wso2.com/v1alpha1
kind: Scope
metadata: {name: read}
spec: {names: [students]}
)";

TEST(ApkGrpcRoutes, ServicesAreCalledByTheirWholeName) {
  Store store;
  const std::string api = With(With(With(kApi, "apiType: REST", "apiType: GRPC"), "/pay/1",
                                    "/org.apk.v1\n  isDefaultVersion: true"),
                               "\"1\"", "v1");
  store.Apply({api, kGrpcRouteCr, BackendText("one"), kReadScope});
  const v1::Api& made = store.Api("default.pay");
  EXPECT_EQ(made.listen_path(), "/org.apk.");
  EXPECT_EQ(made.matching().path_match(), "prefix");
  EXPECT_FALSE(made.strip_listen_path());
  EXPECT_EQ(made.upstream().protocol(), "h2");
  std::vector<std::string> paths;
  for (const v1::Operation& operation : made.versions(0).operations()) {
    EXPECT_THAT(operation.methods(), ElementsAre("POST"));
    EXPECT_THAT(operation.scopes(), ElementsAre("students"));
    paths.push_back(operation.path());
  }
  EXPECT_THAT(paths, ElementsAre("/org.apk.v1.pkg.Students/Get", "/org.apk.pkg.Students/Get",
                                 "/org.apk.v1.pkg.Open/*", "/org.apk.pkg.Open/*",
                                 "/org.apk.v1.pkg.Open", "/org.apk.pkg.Open"));
}

TEST(ApkGrpcRoutes, Refusals) {
  const Store store;
  for (const auto& [from, to, says] :
       {std::tuple{"type: Exact", "type: RegularExpression", "must be Exact"},
        {"service: pkg.Open", "method: Get", "method.service"},
        {"service: pkg.Open", "service: pkg/Open", "name of a service"},
        {"- method: {service: pkg.Open}",
         "- headers: []\n          method: {service: pkg.Open}\n"
         "          header: x",
         "header"},
        {"[{type: ExtensionRef, extensionRef: {group: dp.wso2.com, kind: Scope, name: read}}]",
         "[{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: /a}}}]",
         "does not go with GRPCRoute"}})
    EXPECT_THAT(MessagesOf(store.Refused({With(kGrpcRouteCr, from, to)})), HasSubstr(says)) << to;
  EXPECT_THAT(MessagesOf(store.Refused({With(kApi, "apiType: REST", "apiType: GraphQL")})),
              HasSubstr("must be REST or GRPC"));
}

TEST(ApkRoutes, AnAuthenticationOfSingleOperationsMayOpenThem) {
  Store store;
  const std::string open = R"(
apiVersion: dp.wso2.com/v1alpha2
kind: Authentication
metadata: {name: no-token}
spec:
  override: {disabled: true}
  targetRef: {group: gateway.networking.k8s.io, kind: Resource, name: pay}
)";
  const std::string route =
      With(kRoute, "      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]",
           "      filters: [{type: ExtensionRef, extensionRef: {group: dp.wso2.com, kind: "
           "Authentication, name: no-token}}]\n"
           "      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]");
  store.Apply({kApi, route, BackendText("one"), BackendText("two")});
  EXPECT_EQ(store.resources().count("default.pay"), 0u);
  store.Apply({open});
  const v1::Api& api = store.Api("default.pay");
  EXPECT_TRUE(api.versions(0).operations(0).open());
  EXPECT_FALSE(api.versions(0).operations(1).open());
  EXPECT_FALSE(api.keyless()) << "of the rule, not of the API that it names";
  EXPECT_EQ(api.jwts_size(), 1);
  for (const char* const said : {"{authTypes: {oauth2: {disabled: true}}}", "{disabled: false}",
                                 "{disabled: true, authTypes: {oauth2: {required: optional}}}"})
    EXPECT_THAT(MessagesOf(store.Refused({With(open, "{disabled: true}", said)})),
                HasSubstr("authentication of single resources"))
        << said;
}

struct BadRewrite {
  const char* from;
  const char* to;
  const char* says;
};
TEST(ApkRoutes, WrongRewritesAreRefused) {
  const BadRewrite bad[] = {
      {"replaceFullPath: /c", "replaceFullPath: c", "must begin with /"},
      {"replaceFullPath: /c", "replaceFullPath: \"/c?x\"", "without blanks"},
      {"replaceFullPath: /c", R"(replaceFullPath: "/\\1")", "captured"},
      {"replaceFullPath: /c", "replacePrefixMatch: /c", "does not go with type"},
      {"type: ReplaceFullPath", "type: Regex", "ReplaceFullPath or ReplacePrefixMatch"},
      {"{type: ReplaceFullPath, replaceFullPath: /c}",
       "{type: ReplacePrefixMatch, replacePrefixMatch: /c}", "PathPrefix alone"},
      {"urlRewrite: {path:", "urlRewrite: {hostname: x, path:", "hostname"},
      {"urlRewrite: {path:", "urlRewrite: {paths:", "did you mean \"path\""},
      {"/c}}}]",
       "/c}}}, {type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, "
       "replaceFullPath: /d}}}]",
       "stands there twice"},
  };
  const Store store;
  for (const BadRewrite& one : bad)
    EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, one.from, one.to)})), HasSubstr(one.says))
        << one.to;
}

TEST(ApkRoutes, PathsHaveNoTemplateCharacters) {
  const Store store;
  for (const char* const bad :
       {"type: Exact, value: \"/a/*\"", "type: Exact, value: \"/a/{id}\"",
        "type: PathPrefix, value: \"/a/{id}\"", "type: PathPrefix, value: \"/*\"",
        "value: \"/a/*\"", "type: RegularExpression, value: \"/a/{id}\"",
        "type: RegularExpression, value: \"/a/*\"", "type: RegularExpression, value: \"/a*/(.*)\"",
        "type: RegularExpression, value: \"/{x}((/.*)*)\""})
    EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, "type: Exact, value: /a/b", bad)})),
                HasSubstr("has {, } or *"))
        << bad;
  Store taken;
  for (const char* const good : {"/a/([^/]+)/b", "/a/([^/]*)", "/a/(.*)", "/a((/.*)*)"}) {
    const std::string path = absl::StrCat("type: RegularExpression, value: \"", good, "\"");
    taken.Apply({With(With(kRoute, "type: Exact, value: /a/b", path), "value: /a}", "value: /x}")});
  }
}

TEST(ApkRoutes, ASandboxIsAnApiAtItsRoutesHosts) {
  Store store;
  const std::string api =
      With(kApi, "  production:", "  sandbox: [{routeRefs: [sand]}]\n  production:");
  const std::string sand =
      With(With(kRoute, "name: pay-route", "name: sand"), "[gw.example]", "[sandbox.gw.example]");
  store.Apply({api, kRoute, BackendText("one"), BackendText("two")});
  EXPECT_EQ(store.resources().count("default.pay"), 1u) << "production does not wait for it";
  EXPECT_EQ(store.resources().count("default.pay~sandbox"), 0u);
  store.Apply({sand});
  EXPECT_THAT(store.Api("default.pay~sandbox").hosts(), ElementsAre("sandbox.gw.example"));
  EXPECT_THAT(store.resources()["apk/default/API/pay"].dialect_object().resources(),
              ElementsAre("Api default.pay", "Api default.pay~sandbox"));
  EXPECT_THAT(MessagesOf(store.Refused({With(sand, "[sandbox.gw.example]", "[]")})),
              HasSubstr("must have hostnames"));
  EXPECT_THAT(MessagesOf(store.Refused({With(sand, "sandbox.gw.example", "gw.example")})),
              HasSubstr("that of production"));
  EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, "[gw.example]", "[]")})),
              HasSubstr("must have hostnames"));
  EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, "[gw.example]", "[\"*.gw.example\"]")})),
              HasSubstr("host sandbox.gw.example is that of production"));
  // Also while the sandbox waits for a part.
  const std::string waits = With(sand, "name: two}]", "name: three}]");
  EXPECT_THAT(store.Apply({waits}).gone_apis, ElementsAre("default.pay~sandbox"));
  EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, "gw.example", "sandbox.gw.example")})),
              HasSubstr("host sandbox.gw.example is that of production"));
  EXPECT_THAT(MessagesOf(store.Refused({With(kRoute, "[gw.example]", "[]")})),
              HasSubstr("must have hostnames"));
  store.Apply({sand});
  EXPECT_THAT(store.Apply({kApi}).gone_apis, ElementsAre("default.pay~sandbox"));
}

std::string Policy(const char* kind, const std::string& body, const char* target = "API",
                   const char* name = "policy") {
  return absl::StrCat("apiVersion: dp.wso2.com/v1alpha3\nkind: ", kind, "\nmetadata: {name: ", name,
                      "}\nspec:\n", body, "  targetRef: {group: dp.wso2.com, kind: ", target,
                      ", name: pay}\n");
}
constexpr char kMinute[] = "  default: {api: {requestsPerUnit: 5, unit: Minute}}\n";
constexpr char kCorsOn[] =
    "  default: {cORSPolicy: {accessControlAllowOrigins: [\"https://a\"], accessControlMaxAge: "
    "5}}\n"
    "  override: {cORSPolicy: {accessControlAllowCredentials: true}}\n";

TEST(ApkPolicies, LimitsAndCorsOfAnApi) {
  Store store;
  store.Apply({kApi, kRoute, BackendText("one"), BackendText("two")});
  store.Apply({Policy("RateLimitPolicy", kMinute), Policy("APIPolicy", kCorsOn)});
  const v1::Api& api = store.Api("default.pay");
  EXPECT_EQ(api.limits().rate().rate(), 5);
  EXPECT_EQ(api.limits().rate().per_seconds(), 60);
  EXPECT_TRUE(api.cors().enabled());
  EXPECT_TRUE(api.cors().allow_credentials());
  EXPECT_THAT(api.cors().allowed_origins(), ElementsAre("https://a"));
  EXPECT_EQ(api.cors().max_age_seconds(), 5);
  store.Apply({Policy("RateLimitPolicy",
                      "  default: {api: {requestsPerUnit: 5, unit: Minute}}\n"
                      "  override: {api: {requestsPerUnit: 7, unit: Day}}\n")});
  EXPECT_EQ(store.Api("default.pay").limits().rate().rate(), 7);
  EXPECT_THAT(MessagesOf(store.Refused({Policy("RateLimitPolicy", kMinute, "API", "second")})),
              HasSubstr("already: one says it all"));
}

TEST(ApkPolicies, LieOverAnApkConf) {
  Store store;
  store.Apply({With(kEmployee, "\"mtls-api\"", "pay")});
  store.Apply({Policy("RateLimitPolicy", kMinute), Policy("APIPolicy", kCorsOn)});
  EXPECT_EQ(store.Api("pay").limits().rate().rate(), 5);
  EXPECT_TRUE(store.Api("pay").cors().enabled());
}

TEST(ApkPolicies, OfNoRuleSayThatTheyDoNothing) {
  Store store;
  store.Apply({kApi, kRoute, BackendText("one"), BackendText("two")});
  EXPECT_THAT(MessagesOf(store.Apply({Policy("RateLimitPolicy", kMinute, "Resource")})),
              HasSubstr("pending: no rule of a route names this RateLimitPolicy"));
}

TEST(ApkPolicies, OfOneRule) {
  Store store;
  const std::string limited =
      With(kRoute, "      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]",
           "      filters: [{type: ExtensionRef, extensionRef: {group: dp.wso2.com, kind: "
           "RateLimitPolicy, name: policy}}]\n"
           "      backendRefs: [{group: dp.wso2.com, kind: Backend, name: one}]");
  EXPECT_THAT(MessagesOf(store.Apply({kApi, limited, BackendText("one"), BackendText("two")})),
              HasSubstr("pending: RateLimitPolicy policy"));
  EXPECT_EQ(store.resources().count("default.pay"), 0u) << "never without its limit";
  EXPECT_THAT(MessagesOf(store.Apply({Policy("RateLimitPolicy", kMinute, "Resource")})),
              Not(HasSubstr("no rule of a route")));
  const v1::Api& api = store.Api("default.pay");
  EXPECT_EQ(api.versions(0).operations(0).rate().rate(), 5);
  EXPECT_EQ(api.versions(0).operations(1).rate().rate(), 0);
  EXPECT_FALSE(api.limits().has_rate()) << "of the rule, not of the API that it names";
}

TEST(ApkPolicies, WhatIsNotDoneIsRefusedByName) {
  const Store store;
  const std::tuple<const char*, const char*, const char*, const char*> bad[] = {
      {"RateLimitPolicy", "  default: {custom: {key: a, value: b}}\n", "API", "custom"},
      {"RateLimitPolicy", "  default: {api: {requestsPerUnit: 0, unit: Minute}}\n", "API",
       "1 or more"},
      {"RateLimitPolicy", "  default: {api: {requestsPerUnit: 1, unit: Week}}\n", "API", "Minute"},
      {"RateLimitPolicy", "  default: {}\n", "API", "nothing is limited"},
      {"RateLimitPolicy", kMinute, "Gateway", "must be API"},
      {"APIPolicy", "  default: {backendJwtPolicy: {name: a}}\n", "API", "backendJwtPolicy"},
      {"APIPolicy", "  default: {requestInterceptors: [{name: a}]}\n", "API", "interceptors"},
      {"APIPolicy", "  default: {subscriptionValidation: true}\n", "API", "subscriptions"},
      {"APIPolicy", "  default: {aiProvider: {name: a}}\n", "API", "aiProvider"},
      {"APIPolicy", "  default: {cORSPolicy: {accessControlMaxAge: -1}}\n", "API", "86400"},
      {"APIPolicy", "  default: {corsPolicy: {}}\n", "API", "did you mean \"cORSPolicy\""},
      {"APIPolicy", kCorsOn, "Resource", "single resources"},
  };
  for (const auto& [kind, body, target, says] : bad)
    EXPECT_THAT(MessagesOf(store.Refused({Policy(kind, body, target)})), HasSubstr(says)) << body;
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
