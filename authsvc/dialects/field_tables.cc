#include "authsvc/dialects/field_tables.h"

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/apk/policy.h"
#include "authsvc/dialects/apk/resource_fields.h"
#include "authsvc/dialects/apk/route_fields.h"
#include "authsvc/dialects/apk/route_rewrite.h"
#include "authsvc/dialects/apk/security.h"
#include "authsvc/dialects/kube_fields.h"
#include "authsvc/dialects/tyk_access.h"
#include "authsvc/dialects/tyk_classic_fields.h"
#include "authsvc/dialects/tyk_events.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_other_fields.h"
#include "authsvc/dialects/tyk_upstream_auth.h"

namespace sallyport::authsvc::dialects {
namespace {

void AddClassic(std::vector<ObjectTable>* out) {
  const auto add = [&](absl::string_view object, const ObjectRules& rules) {
    out->push_back({kTykClassic, object, rules});
  };
  add("", ClassicRules());
  add("auth, auth_configs.authToken", ClassicAuthRules());
  add("auth_configs", ClassicAuthConfigsRules());
  add("basic_auth", ClassicBasicRules());
  add("upstream_auth", ClassicUpstreamAuthRules());
  add("upstream_auth.basic_auth", UpstreamLoginRules());
  add("upstream_auth.basic_auth.header", OasSourceRules());
  add("event_handlers", ClassicEventsRules());
  add("event_handlers.events.*[]", ClassicHandlerRules());
  add("….handler_meta", ClassicHandlerMetaRules());
  add("proxy", ClassicProxyRules());
  add("proxy.transport", ClassicTransportRules());
  add("global_rate_limit", ClassicRateRules());
  add("definition", ClassicDefinitionRules());
  add("version_data", ClassicVersionDataRules());
  add("version_data.versions.*", ClassicVersionRules());
  add("….paths", ClassicPathsRules());
  add("….extended_paths", ClassicExtendedPathsRules());
  add("….extended_paths.*[]", ClassicEndpointRules());
  add("CORS", ClassicCorsRules());
}

void AddOas(std::vector<ObjectTable>* out) {
  const auto add = [&](absl::string_view object, const ObjectRules& rules) {
    out->push_back({kTykOas, object, rules});
  };
  add("x-tyk-api-gateway", OasExtensionRules());
  add("info", OasInfoRules());
  add("info.state", OasStateRules());
  add("info.versioning", OasVersioningRules());
  add("info.versioning.versions[]", OasVersionRules());
  add("server", OasServerRules());
  add("server.listenPath", OasListenPathRules());
  add("server.customDomain", OasCustomDomainRules());
  add("server.clientCertificates", OasClientCertificatesRules());
  add("server.gatewayTags", OasGatewayTagsRules());
  add("server.ipAccessControl", OasIpRules());
  add("server.eventHandlers[]", OasEventRules());
  add("server.authentication", OasAuthenticationRules());
  add("….certificateAuth", OasSwitchRules());
  add("….securitySchemes.* (auth token)", OasTokenRules());
  add("….securitySchemes.* (basic)", OasBasicRules());
  add("….securitySchemes.* (JWT)", OasJwtRules());
  add("….scopes", OasJwtScopesRules());
  add("….header, cookie, query", OasSourceRules());
  add("upstream", OasUpstreamRules());
  add("upstream.mutualTLS", OasMutualTlsRules());
  add("….domainToCertificateMapping[]", OasCertificateMappingRules());
  add("upstream.certificatePinning", OasPinningRules());
  add("….domainToPublicKeysMapping[]", OasPinMappingRules());
  add("upstream.tlsTransport", OasTransportRules());
  add("upstream.proxy", OasProxyRules());
  add("upstream.authentication", OasUpstreamAuthRules());
  add("upstream.authentication.basicAuth", UpstreamLoginRules());
  add("upstream.authentication.basicAuth.header", OasSourceRules());
  add("upstream.loadBalancing", OasBalancingRules());
  add("upstream.loadBalancing.targets[]", OasTargetRules());
  add("upstream.rateLimit", OasRateRules());
  add("upstream.preserveHostHeader", OasSwitchRules());
  add("middleware", OasMiddlewareRules());
  add("middleware.global", OasGlobalRules());
  add("middleware.global.cors", OasCorsRules());
  add("middleware.global.transformRequestHeaders, transformResponseHeaders", OasHeadersRules());
  add("….add[]", OasHeaderRules());
  add("middleware.global.requestSizeLimit", OasSizeRules());
  add("middleware.operations.*", OasOperationRules());
  add("….allow, block, ignoreAuthentication", OasAllowanceRules());
  add("….virtualEndpoint", OasVirtualEndpointRules());
  add("….mockResponse", OasMockRules());
  add("….mockResponse.fromOASExamples", OasExamplesRules());
  add("….urlRewrite", OasRewriteRules());
  add("….urlRewrite.triggers[]", OasTriggerRules());
  add("….urlRewrite.triggers[].rules[]", OasTriggerRuleRules());
  add("….transformRequestHeaders, transformResponseHeaders", OasHeadersRules());
  add("….transformRequestMethod", OasMethodRules());
  add("….enforceTimeout, requestSizeLimit", OasSizeRules());
  add("middleware.global.pluginConfig", OasPluginConfigRules());
  add("….data", OasPluginDataRules());
}

void AddOperator(std::vector<ObjectTable>* out) {
  const auto add = [&](absl::string_view object, const ObjectRules& rules) {
    out->push_back({kTykOperator, object, rules});
  };
  add("", OperatorObjectRules());
  add("ApiDefinition spec (beside tyk-classic)", OperatorReferenceRules());
  add("TykOasApiDefinition spec", OperatorOasRules());
  add("….tykOAS", OperatorTykOasRules());
  add("….tykOAS.configmapRef", OperatorConfigMapRefRules());
  add("….clientCertificate", OperatorClientCertificateRules());
  add("….mutualTLS", OperatorMutualTlsRules());
  add("….domainToCertificateMapping[]", OperatorCertificateMappingRules());
  add("….certificatePinning", OperatorPinningRules());
  add("….domainToPublicKeysMapping[]", OperatorPinMappingRules());
  add("….customDomain", OperatorDomainRules());
  add("SecurityPolicy spec", TykPolicyRules());
}

void AddApkConf(std::vector<ObjectTable>* out) {
  const auto add = [&](absl::string_view object, const ObjectRules& rules) {
    out->push_back({kApkConf, object, rules});
  };
  add("", apk::ConfRules());
  add("endpointConfigurations", apk::EndpointConfigurationsRules());
  add("….production, sandbox", apk::EndpointRules());
  add("….endpoint (a service)", apk::ServiceRules());
  add("….certificate", apk::EndpointCertificateRules());
  add("….endpointSecurity", apk::EndpointSecurityRules());
  add("….securityType of user and password", apk::BasicSecurityTypeRules());
  add("….securityType of an API key", apk::ApiKeySecurityTypeRules());
  add("….resiliency", apk::ResiliencyRules());
  add("….resiliency.timeout", apk::TimeoutRules());
  add("….resiliency.retryPolicy", apk::RetryRules());
  add("….resiliency.circuitBreaker", apk::CircuitBreakerRules());
  add("operations[]", apk::OperationRules());
  add("apiPolicies, operationPolicies", apk::PoliciesRules());
  add("….request[], response[]", apk::PolicyRules());
  add("….parameters", apk::HeaderParametersRules());
  add("rateLimit", apk::RateLimitRules());
  add("corsConfiguration", apk::CorsRules());
  add("additionalProperties[]", apk::PropertyRules());
  add("authentication[] of OAuth2", apk::OAuth2Rules());
  add("authentication[] of JWT", apk::JwtRules());
  add("authentication[] of APIKey", apk::ApiKeyRules());
  add("authentication[] of mTLS", apk::MtlsRules());
  add("….certificates[]", apk::CertificateRefRules());
}

void AddApk(std::vector<ObjectTable>* out) {
  const auto add = [&](absl::string_view object, const ObjectRules& rules) {
    out->push_back({kApk, object, rules});
  };
  add("", apk::ResourceRules());
  add("Authentication spec", apk::AuthenticationSpecRules());
  add("….targetRef", apk::TargetRefRules());
  add("….default, override", apk::AuthSpecRules());
  add("….authTypes", apk::AuthTypesRules());
  add("….oauth2", apk::AuthOAuth2Rules());
  add("….jwt", apk::AuthJwtRules());
  add("….apiKey", apk::AuthApiKeyRules());
  add("….apiKey.keys[]", apk::AuthApiKeyPlaceRules());
  add("….mtls", apk::AuthMtlsRules());
  add("….configMapRefs[], secretRefs[] and others", apk::RefRules());
  add("API spec", apk::ApiSpecRules());
  add("….production[], sandbox[]", apk::EnvironmentRules());
  add("HTTPRoute spec, GRPCRoute spec", apk::RouteSpecRules());
  add("….rules[]", apk::RouteRuleRules());
  add("….matches[]", apk::RouteMatchRules());
  add("….path", apk::RoutePathRules());
  add("….matches[] of a GRPCRoute", apk::GrpcMatchRules());
  add("….method of a GRPCRoute", apk::GrpcMethodRules());
  add("….filters[]", apk::RouteFilterRules());
  add("….requestHeaderModifier, responseHeaderModifier", apk::HeaderModifierRules());
  add("….set[], add[]", apk::HeaderItemRules());
  add("….urlRewrite", apk::UrlRewriteRules());
  add("….urlRewrite.path", apk::UrlRewritePathRules());
  add("….extensionRef", apk::ExtensionRefRules());
  add("….backendRefs[]", apk::BackendRefRules());
  add("Backend spec", apk::BackendSpecRules());
  add("….services[]", apk::BackendServiceRules());
  add("….tls", apk::BackendTlsRules());
  add("….retry", apk::BackendRetryRules());
  add("….security", apk::BackendSecurityRules());
  add("….security.basic", apk::BasicSecurityRules());
  add("….security.basic.secretRef", apk::BasicSecretRules());
  add("….security.apiKey", apk::ApiKeySecurityRules());
  add("….security.apiKey.valueFrom", apk::ApiKeyValueRules());
  add("Scope spec", apk::ScopeSpecRules());
  add("RateLimitPolicy spec, APIPolicy spec", apk::PolicySpecRules());
  add("….default, override of a RateLimitPolicy", apk::RateLimitDataRules());
  add("….default, override of an APIPolicy", apk::ApiPolicyDataRules());
  add("….cORSPolicy", apk::CorsPolicyRules());
  add("TokenIssuer spec", apk::TokenIssuerSpecRules());
  add("….signatureValidation", apk::SignatureValidationRules());
  add("….jwks", apk::JwksRules());
  add("….jwks.tls, certificate", apk::CertificateSourceRules());
  add("….claimMappings[]", apk::ClaimMappingRules());
}

void AddOthers(std::vector<ObjectTable>* out) {
  out->push_back({kKubernetes, "Secret", KubeSecretRules()});
  out->push_back({kKubernetes, "ConfigMap", KubeConfigMapRules()});
  for (const absl::string_view dialect : {kTykKey, kTykPolicy}) {
    out->push_back({dialect, "", dialect == kTykKey ? TykSessionRules() : TykPolicyRules()});
    if (dialect == kTykKey) {
      out->push_back({dialect, "basic_auth_data", TykLoginRules()});
      out->push_back({dialect, "monitor", TykMonitorRules()});
    }
    out->push_back({dialect, "access_rights.*", TykAccessRules()});
    out->push_back({dialect, "access_rights.*.limit", TykLimitRules()});
    out->push_back({dialect, "access_rights.*.allowed_urls[]", TykUrlRules()});
  }
  out->push_back({kTykPolicy, "partitions", TykPartitionsRules()});
  out->push_back({kTykGateway, "", TykGatewayRules()});
  out->push_back({kTykGateway, "security", TykSecurityRules()});
  out->push_back({kTykGateway, "security.certificates", TykCertificatesRules()});
  out->push_back({kTykGateway, "security.certificate_expiry_monitor", TykExpiryRules()});
  out->push_back({kTykGateway, "http_server_options", TykServerRules()});
}

std::string NamesOf(const ObjectRules& rules, Use use) {
  std::string names;
  for (const FieldRule& rule : rules.fields) {
    if (rule.use == use) absl::StrAppend(&names, names.empty() ? "" : ", ", "`", rule.name, "`");
  }
  return names.empty() ? "–" : names;
}

}  // namespace

std::vector<ObjectTable> FieldTables() {
  std::vector<ObjectTable> tables;
  AddClassic(&tables);
  AddOas(&tables);
  AddOperator(&tables);
  AddApkConf(&tables);
  AddApk(&tables);
  AddOthers(&tables);
  return tables;
}

std::string FieldTablesText() {
  std::string text;
  absl::string_view dialect;
  for (const ObjectTable& table : FieldTables()) {
    if (table.dialect != dialect) {
      dialect = table.dialect;
      absl::StrAppend(&text, text.empty() ? "" : "\n", "### ", dialect, "\n\n",
                      "| object | has effect | kept silently | kept with a warning | refused when "
                      "set | others |\n|---|---|---|---|---|---|\n");
    }
    absl::StrAppend(&text, "| ", table.object.empty() ? "(document)" : table.object, " | ",
                    NamesOf(table.rules, Use::kUsed), " | ", NamesOf(table.rules, Use::kKept),
                    " | ", NamesOf(table.rules, Use::kInert), " | ",
                    NamesOf(table.rules, Use::kRefused), " | ",
                    table.rules.sensitive ? "refused" : "warned", " |\n");
  }
  return text;
}

}  // namespace sallyport::authsvc::dialects
