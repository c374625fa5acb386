#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/resource.h"
#include "tests/fakes/test_ca.h"
#include "tests/unit/authsvc/dialects/apk_store.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kConfigMapPlace[] = "name:configmap/default/mtls-configmap/tls.crt";
constexpr char kSecretPlace[] = "name:secret/default/mtls-secret/tls.crt";

std::string Auth(absl::string_view spec, absl::string_view name = "a") {
  return absl::StrCat("apiVersion: dp.wso2.com/v1alpha2\nkind: Authentication\nmetadata: {name: ",
                      name, "}\nspec:\n  targetRef: {kind: API, name: mtls-api}\n", spec);
}

TEST(ApkAuthentication, CountsForAnApiOfTheSameApplyInAnyOrder) {
  for (const bool first : {true, false}) {
    Store store;
    const std::vector<std::string> texts =
        first ? std::vector<std::string>{kAuthenticationCr, kEmployee}
              : std::vector<std::string>{kEmployee, kAuthenticationCr};
    const ApplyPlan plan = store.Apply(texts);
    EXPECT_TRUE(plan.of_what_is_stored);
    const v1::Api& api = store.Api("mtls-api");
    EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_MANDATORY);
    EXPECT_THAT(AllowlistOf(api), ElementsAre(kConfigMapPlace, kSecretPlace));
    EXPECT_EQ(api.jwts_size(), 1) << "OAuth2 is not named: mandatory";
    EXPECT_THAT(MessagesOf(plan), Not(HasSubstr("pending")));
  }
}

TEST(ApkAuthentication, OfAnApiThatIsNotThereWaitsForIt) {
  Store store;
  EXPECT_THAT(MessagesOf(store.Apply({kAuthenticationCr})), HasSubstr("pending: API mtls-api"));
  EXPECT_EQ(store.size(), 1u);
  store.Apply({kEmployee});
  EXPECT_EQ(AllowlistOf(store.Api("mtls-api")).size(), 2u);
}

TEST(ApkAuthentication, ChangesAnApiThatIsStored) {
  Store store;
  store.Apply({kEmployee});
  EXPECT_EQ(store.Api("mtls-api").client_tls().allowlist_size(), 0);
  const ApplyPlan plan = store.Apply({kAuthenticationCr});
  EXPECT_NE(FindPut(plan, "mtls-api"), nullptr);
  EXPECT_EQ(AllowlistOf(store.Api("mtls-api")).size(), 2u);
  store.Apply({With(kEmployee, "/v3/", "/v4/")});
  EXPECT_EQ(AllowlistOf(store.Api("mtls-api")).size(), 2u) << "a later change keeps it";
}

TEST(ApkAuthentication, ThatAimsElsewhereLetsGoOfItsApi) {
  Store store;
  store.Apply({kEmployee, kAuthenticationCr});
  store.Apply({With(kAuthenticationCr, "name: \"mtls-api\"", "name: other")});
  EXPECT_EQ(store.Api("mtls-api").client_tls().static_mtls(), v1::REQUIREMENT_OFF);
}

TEST(ApkAuthentication, GoesWithItsSetAndTheApiIsMadeAnew) {
  Store store;
  store.Apply({kEmployee});
  store.Apply({kAuthenticationCr}, "team");
  ASSERT_EQ(AllowlistOf(store.Api("mtls-api")).size(), 2u);
  store.Apply({"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}, "team");
  EXPECT_EQ(store.Api("mtls-api").client_tls().static_mtls(), v1::REQUIREMENT_OFF);
}

TEST(ApkAuthentication, OfAnApiThatIsPrunedDoesNotBringItBack) {
  Store store;
  store.Apply({kEmployee}, "team");
  const ApplyPlan plan = store.Apply({kAuthenticationCr}, "team");
  EXPECT_EQ(FindPut(plan, "mtls-api"), nullptr);
}

TEST(ApkAuthentication, ReplacesWhatApkConfSays) {
  Store store;
  store.Apply({Employee(kMtls), Auth("  default:\n    authTypes:\n      oauth2: {disabled: true}\n"
                                     "      apiKey: {keys: [{in: Header, name: X-Key}]}\n")});
  const v1::Api& api = store.Api("mtls-api");
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_OFF);
  EXPECT_EQ(api.jwts_size(), 0);
  EXPECT_TRUE(api.token().enabled());
  EXPECT_EQ(api.token().header_name(), "X-Key");
  EXPECT_FALSE(api.token().use_query());
}

TEST(ApkAuthentication, OverrideWinsFieldByField) {
  Store store;
  store.Apply({kEmployee, Auth(R"(
  default:
    authTypes:
      oauth2: {required: optional, header: X-Token}
      mtls: {required: mandatory, configMapRefs: [{name: mtls-configmap, key: tls.crt}]}
  override:
    authTypes:
      oauth2: {sendTokenToUpstream: true}
      mtls: {required: optional}
)")});
  const v1::Api& api = store.Api("mtls-api");
  EXPECT_EQ(api.client_tls().static_mtls(), v1::REQUIREMENT_OPTIONAL);
  EXPECT_THAT(AllowlistOf(api), ElementsAre(kConfigMapPlace));
  EXPECT_EQ(api.jwts(0).requirement(), v1::REQUIREMENT_OPTIONAL);
  EXPECT_EQ(api.jwts(0).header_name(), "X-Token");
  EXPECT_FALSE(api.jwts(0).strip());
}

TEST(ApkAuthentication, OverrideAloneIsEnough) {
  Store store;
  store.Apply({kEmployee, Auth("  override:\n    authTypes:\n      mtls: {secretRefs: [{name: s, "
                               "key: c}]}\n")});
  EXPECT_THAT(AllowlistOf(store.Api("mtls-api")), ElementsAre("name:secret/default/s/c"));
}

TEST(ApkAuthentication, DisabledIsKeylessAndSaysSo) {
  Store store;
  const ApplyPlan plan = store.Apply({Employee(kMtls), Auth("  default: {disabled: true}\n")});
  EXPECT_TRUE(store.Api("mtls-api").keyless());
  EXPECT_EQ(store.Api("mtls-api").client_tls().static_mtls(), v1::REQUIREMENT_OFF);
  EXPECT_THAT(MessagesOf(plan), HasSubstr("anybody may call this API"));
}

TEST(ApkAuthentication, InlineCertificatesAreKeptByTheirId) {
  Store store;
  const std::string pem =
      ::sallyport::testing::CertBuilder("CN=apk inline").LikeOpensslReq().SelfSign().Pem();
  const std::string indented =
      absl::StrReplaceAll(absl::StrCat("\n", pem), {{"\n", "\n          "}});
  const ApplyPlan plan = store.Apply(
      {kEmployee, Auth(absl::StrCat("  default:\n    mtls:\n      certificatesInline:\n        - |",
                                    indented, "\n"))});
  const std::vector<std::string> ids = AllowlistOf(store.Api("mtls-api"));
  ASSERT_EQ(ids.size(), 1u);
  EXPECT_NE(FindPut(plan, ids[0]), nullptr);
  const v1::DialectObject& object =
      store.resources()["apk/default/Authentication/a"].dialect_object();
  EXPECT_THAT(object.certificate_ids(), ElementsAre(ids[0]));
  EXPECT_THAT(object.json(), Not(HasSubstr("BEGIN CERTIFICATE")));
  store.Apply({With(kEmployee, "/v3/", "/v4/")});
  EXPECT_EQ(AllowlistOf(store.Api("mtls-api")), ids);
}

struct BadResource {
  std::string text;
  const char* says;
};

TEST(ApkAuthentication, Refusals) {
  const BadResource bad[] = {
      {Auth("  default: {mtls: {required: mandatory}}\n"),
       "invalid mTLS configuration - certificates not provided"},
      {Auth("  override: {authTypes: {mtls: {}}}\n"), "certificates not provided"},
      {With(kAuthenticationCr, "kind: \"API\"", "kind: Resource"),
       "invalid authentication - mTLS can only be added for APIs"},
      {With(kAuthenticationCr, "kind: \"API\"", "kind: Gateway"), "must be API"},
      {With(kAuthenticationCr, "    name: \"mtls-api\"\n", ""), "targetRef.name"},
      {With(kAuthenticationCr, "    name: \"mtls-api\"\n",
            "    name: mtls-api\n    namespace: elsewhere\n"),
       "must be that of this object"},
      {Auth(""), "nothing is said"},
      {Auth("  default: {authType: {}}\n"), "did you mean \"authTypes\""},
      {Auth("  default: {authTypes: {mTLS: {}}}\n"), "did you mean \"mtls\""},
      {Auth("  default: {mtls: {}, authTypes: {mtls: {}}}\n"), "write one of them"},
      {Auth("  default: {authTypes: {oauth2: {required: yes}}}\n"), "mandatory or optional"},
      {Auth("  default: {authTypes: {apiKey: {}}}\n"), "where the key is"},
      {Auth("  default: {authTypes: {apiKey: {keys: [{in: Body, name: x}]}}}\n"),
       "Header or Query"},
      {Auth("  default: {authTypes: {jwt: {disabled: false, header: authorization}}}\n"),
       "two credentials in header"},
      {Auth("  default: {mtls: {certificatesInline: [hello world]}}\n"), "not a certificate id"},
      {Auth("  default: {mtls: {certificatesInline: [\"name:secret/other/s/c\"]}}\n"),
       "fields of their own"},
      {Auth("  default: 7\n"), "must be an object"},
      {With(kAuthenticationCr, "dp.wso2.com/v1alpha2", "dp.wso2.org/v1alpha2"), "are not taken"},
  };
  const Store store;
  for (const BadResource& one : bad) {
    EXPECT_THAT(MessagesOf(store.Refused({one.text, kEmployee})), HasSubstr(one.says)) << one.text;
  }
}

TEST(ApkAuthentication, TwoForOneApiAreRefused) {
  Store store;
  EXPECT_THAT(MessagesOf(store.Refused(
                  {kEmployee, kAuthenticationCr, Auth("  default: {disabled: true}\n", "b")})),
              HasSubstr("one says it all"));
  store.Apply({kAuthenticationCr});
  EXPECT_THAT(MessagesOf(store.Refused({Auth("  default: {disabled: true}\n", "b")})),
              HasSubstr("has Authentication mtls-authentication already"));
}

TEST(ApkAuthentication, OfAnotherNamespaceIsNeverLostSilently) {
  Store store;
  store.Apply({kEmployee});
  const std::string other = With(kAuthenticationCr, "name: \"mtls-authentication\"",
                                 "name: mtls-authentication\n  namespace: apk");
  EXPECT_THAT(MessagesOf(store.Refused({other})), HasSubstr("is in namespace default"));
  Store later;
  later.Apply({other});
  EXPECT_THAT(MessagesOf(later.Apply({kEmployee})), HasSubstr("it is not used"));
}

TEST(ApkAuthentication, ScopesNeedItsTokens) {
  const Store store;
  EXPECT_THAT(
      MessagesOf(store.Refused({With(kEmployee, "scopes: []", "scopes: [a]"),
                                Auth("  default: {authTypes: {oauth2: {disabled: true}}}\n")})),
      HasSubstr("neither OAuth2 nor JWT is on"));
}

TEST(ApkAuthentication, HoldsWhatItsApiWithoutObjectsMeans) {
  EXPECT_FALSE(PlanOf({"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"}, TestOptions())
                   .of_what_is_stored);
}

constexpr char kIssuer[] = R"(
apiVersion: dp.wso2.com/v1alpha2
kind: TokenIssuer
metadata: {name: keycloak, namespace: apk}
spec:
  name: Keycloak
  organization: default
  issuer: https://idp.example/realms/apk
  consumerKeyClaim: azp
  scopesClaim: scope
  signatureValidation:
    jwks:
      url: https://idp.example/certs
      tls: {configMapRef: {name: idp, key: ca.crt}}
    certificate: {secretRef: {name: signer, key: tls.crt}}
  claimMappings: [{remoteClaim: dept, localClaim: department}]
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: default}
)";

TEST(ApkTokenIssuer, BecomesOne) {
  const Conversion conversion = ConvertText(ConvertResource, kIssuer);
  ASSERT_TRUE(conversion.ok()) << Texts(conversion.errors);
  const v1::TokenIssuer& issuer = conversion.resources.back().resource.token_issuer();
  EXPECT_EQ(issuer.id(), "apk.keycloak");
  EXPECT_EQ(issuer.org_id(), "org");
  EXPECT_EQ(issuer.issuer(), "https://idp.example/realms/apk");
  EXPECT_EQ(issuer.jwks_url(), "https://idp.example/certs");
  EXPECT_THAT(issuer.jwks_trust_ids(), ElementsAre("name:configmap/apk/idp/ca.crt"));
  EXPECT_THAT(issuer.certificate_ids(), ElementsAre("name:secret/apk/signer/tls.crt"));
  EXPECT_EQ(issuer.consumer_claim(), "azp");
  EXPECT_THAT(issuer.scope_claims(), ElementsAre("scope"));
  EXPECT_EQ(issuer.claim_metadata().at("dept"), "department");
}

TEST(ApkTokenIssuer, Refusals) {
  const auto refusals = [](const std::string& text) {
    return Texts(ConvertText(ConvertResource, text).errors);
  };
  EXPECT_THAT(refusals(With(kIssuer, "  issuer: https://idp.example/realms/apk\n", "")),
              HasSubstr("spec.issuer"));
  EXPECT_THAT(refusals(With(kIssuer, "      url: https://idp.example/certs\n", "")),
              HasSubstr("jwks.url"));
  EXPECT_THAT(refusals(With(kIssuer, "signatureValidation", "signatureValidator")),
              HasSubstr("who signs is not known"));
  EXPECT_THAT(refusals(With(kIssuer, "{configMapRef: {name: idp, key: ca.crt}}", "{}")),
              HasSubstr("names no certificate"));
}

TEST(ApkResources, OfAnotherKindAreRefusedByName) {
  const Store store;
  EXPECT_THAT(MessagesOf(store.Refused({"apiVersion: dp.wso2.com/v1alpha1\nkind: BackendJWT\n"
                                        "metadata: {name: x}\nspec: {}\n"})),
              HasSubstr("kind \"BackendJWT\""));
  EXPECT_THAT(MessagesOf(store.Refused({"apiVersion: dp.wso2.com/v1alpha2\nkind: GQLRoute\n"
                                        "metadata: {name: x}\nspec: {}\n"})),
              HasSubstr("write an apk-conf of type GRAPHQL"));
}

}  // namespace
}  // namespace sallyport::authsvc::dialects::apk
