#include "authsvc/dialects/tyk_oas_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kOasNoPlugins = "plugins and custom middleware do not exist here";

constexpr FieldRule kOasExtension[] = {
    {"info", Use::kUsed},
    {"server", Use::kUsed},
    {"upstream", Use::kUsed},
    {"middleware", Use::kUsed},
    {"proxy", Use::kRefused, "is of Tyk Classic: write server.listenPath and upstream"},
    // it belongs
};

constexpr FieldRule kOasInfo[] = {
    {"id", Use::kUsed},         {"orgId", Use::kUsed},     {"name", Use::kUsed},
    {"state", Use::kUsed},      {"dbId", Use::kKept},      {"expiration", Use::kUsed},
    {"createdAt", Use::kKept},  {"updatedAt", Use::kKept}, {"categories", Use::kKept},
    {"versioning", Use::kUsed},
};

constexpr FieldRule kOasState[] = {
    {"active", Use::kUsed},
    {"internal", Use::kUsed},
};

constexpr FieldRule kOasVersioning[] = {
    {"enabled", Use::kUsed},
    {"name", Use::kUsed},
    {"default", Use::kUsed},
    {"location", Use::kUsed},
    {"key", Use::kUsed},
    {"versions", Use::kUsed},
    {"stripVersioningData", Use::kUsed},
    {"fallbackToDefault", Use::kUsed},
    {"urlVersioningPattern", Use::kUsed},
};

constexpr FieldRule kOasVersion[] = {
    {"name", Use::kUsed},
    {"id", Use::kUsed},
};

constexpr FieldRule kOasServer[] = {
    {"listenPath", Use::kUsed},
    {"port", Use::kUsed},
    {"protocol", Use::kUsed},
    {"customDomain", Use::kUsed},
    {"clientCertificates", Use::kUsed},
    {"authentication", Use::kUsed},
    {"gatewayTags", Use::kUsed},
    {"ipAccessControl", Use::kUsed},
    {"eventHandlers", Use::kUsed},
    {"batchProcessing", Use::kInert, "batch requests do not exist here"},
    {"detailedActivityLogs", Use::kKept},
    {"detailedTracing", Use::kKept},
    {"errorOverrides", Use::kInert},
};

constexpr FieldRule kOasListenPath[] = {
    {"value", Use::kUsed},
    {"strip", Use::kUsed},
};

constexpr FieldRule kOasCustomDomain[] = {
    {"enabled", Use::kUsed},
    {"name", Use::kUsed},
    {"certificates", Use::kUsed},
};

constexpr FieldRule kOasClientCertificates[] = {
    {"enabled", Use::kUsed},
    {"allowlist", Use::kUsed},
};

constexpr FieldRule kOasGatewayTags[] = {
    {"enabled", Use::kUsed},
    {"tags", Use::kUsed},
};

constexpr FieldRule kOasIp[] = {
    {"enabled", Use::kUsed},
    {"allow", Use::kUsed},
    {"block", Use::kUsed},
};

constexpr FieldRule kOasAuthentication[] = {
    {"enabled", Use::kUsed},
    {"stripAuthorizationData", Use::kUsed},
    {"baseIdentityProvider", Use::kUsed},
    {"securitySchemes", Use::kUsed},
    {"certificateAuth", Use::kUsed},
    {"hmac", Use::kRefused, "HMAC signatures do not exist here"},
    {"oidc", Use::kRefused, "OpenID Connect does not exist here"},
    {"custom", Use::kRefused, kOasNoPlugins},
    {"customKeyLifetime", Use::kInert},
    {"securityProcessingMode", Use::kUsed},
    {"security", Use::kRefused, "combinations of schemes do not exist here"},
};

constexpr FieldRule kOasBasic[] = {
    {"enabled", Use::kUsed},
    {"header", Use::kUsed},
    {"query", Use::kUsed},
    {"cookie", Use::kUsed},
    {"disableCaching", Use::kKept},
    {"cacheTTL", Use::kKept},
    {"extractCredentialsFromBody", Use::kRefused,
     "user name and password are looked for in the header Authorization alone"},
};

constexpr FieldRule kOasToken[] = {
    {"enabled", Use::kUsed},
    {"header", Use::kUsed},
    {"cookie", Use::kUsed},
    {"query", Use::kUsed},
    {"enableClientCertificate", Use::kUsed},
    {"signatureValidation", Use::kRefused, "signature validation does not exist here"},
    {"allowUnsafeDynamicMTLSToken", Use::kRefused,
     "a certificate's id never authenticates a caller"},
};

constexpr char kTimesAreChecked[] = "the times of a token are always checked";

constexpr FieldRule kOasJwtFields[] = {
    {"enabled", Use::kUsed},
    {"header", Use::kUsed},
    {"cookie", Use::kUsed},
    {"query", Use::kUsed},
    {"source", Use::kUsed},
    {"jwksURIs", Use::kUsed},
    {"signingMethod", Use::kUsed},
    {"identityBaseField", Use::kUsed},
    {"skipKid", Use::kKept},
    {"policyFieldName", Use::kUsed},
    {"clientBaseField", Use::kUsed},
    {"defaultPolicies", Use::kUsed},
    {"scopes", Use::kUsed},
    {"issuedAtValidationSkew", Use::kUsed},
    {"notBeforeValidationSkew", Use::kUsed},
    {"expiresAtValidationSkew", Use::kUsed},
    {"idpClientIdMappingDisabled", Use::kKept},
    {"subjectClaims", Use::kRefused, "name one in identityBaseField"},
    {"basePolicyClaims", Use::kRefused, "name one in policyFieldName"},
    {"allowedIssuers", Use::kRefused, "make a TokenIssuer of each"},
    {"allowedAudiences", Use::kRefused, "not taken yet: `audiences` of a native Api"},
    {"allowedSubjects", Use::kRefused, "does not exist here"},
    {"jtiValidation", Use::kRefused, "does not exist here"},
    {"customClaimValidation", Use::kRefused, "does not exist here"},
    {"disableIssuedAtValidation", Use::kRefused, kTimesAreChecked},
    {"disableExpiresAtValidation", Use::kRefused, kTimesAreChecked},
    {"disableNotBeforeValidation", Use::kRefused, kTimesAreChecked},
};

constexpr FieldRule kOasJwtScopes[] = {
    {"claimName", Use::kUsed},
    {"claims", Use::kUsed},
    {"scopeToPolicyMapping", Use::kUsed},
};

constexpr FieldRule kOasSource[] = {
    {"enabled", Use::kUsed},
    {"name", Use::kUsed},
};

constexpr FieldRule kOasSwitch[] = {{"enabled", Use::kUsed}};

constexpr FieldRule kOasUpstream[] = {
    {"url", Use::kUsed},
    {"mutualTLS", Use::kUsed},
    {"certificatePinning", Use::kUsed},
    {"rateLimit", Use::kUsed},
    {"loadBalancing", Use::kUsed},
    {"preserveHostHeader", Use::kUsed},
    {"tlsTransport", Use::kUsed},
    {"proxy", Use::kUsed},
    {"preserveTrailingSlash", Use::kKept},
    {"serviceDiscovery", Use::kRefused, "service discovery does not exist here"},
    {"authentication", Use::kUsed},
    {"uptimeTests", Use::kInert, "targets are left out by what their answers say"},
    {"test", Use::kInert},
};

constexpr FieldRule kOasMutualTls[] = {
    {"enabled", Use::kUsed},
    {"domainToCertificateMapping", Use::kUsed},
};

constexpr FieldRule kOasCertificateMapping[] = {
    {"domain", Use::kUsed},
    {"certificate", Use::kUsed},
};

constexpr FieldRule kOasPinning[] = {
    {"enabled", Use::kUsed},
    {"domainToPublicKeysMapping", Use::kUsed},
};

constexpr FieldRule kOasPinMapping[] = {
    {"domain", Use::kUsed},
    {"publicKeys", Use::kUsed},
};

constexpr FieldRule kOasTransport[] = {
    {"insecureSkipVerify", Use::kUsed},   {"ciphers", Use::kUsed},
    {"minVersion", Use::kUsed},           {"maxVersion", Use::kUsed},
    {"forceCommonNameCheck", Use::kUsed},
};

constexpr FieldRule kOasProxy[] = {
    {"enabled", Use::kUsed},
    {"url", Use::kUsed},
};

constexpr FieldRule kOasBalancing[] = {
    {"enabled", Use::kUsed},
    {"targets", Use::kUsed},
    {"skipUnavailableHosts", Use::kInert, "targets that fail are always left out for a while"},
};

constexpr FieldRule kOasTarget[] = {
    {"url", Use::kUsed},
    {"weight", Use::kUsed},
};

constexpr FieldRule kOasRate[] = {
    {"enabled", Use::kUsed},
    {"rate", Use::kUsed},
    {"per", Use::kUsed},
};

constexpr FieldRule kOasMiddleware[] = {
    {"global", Use::kUsed},
    {"operations", Use::kUsed},
    {"mcpTools", Use::kRefused, "MCP does not exist here"},
    {"mcpResources", Use::kRefused, "MCP does not exist here"},
    {"mcpPrompts", Use::kRefused, "MCP does not exist here"},
};

constexpr FieldRule kOasGlobal[] = {
    {"cors", Use::kUsed},
    {"transformRequestHeaders", Use::kUsed},
    {"requestSizeLimit", Use::kUsed},
    {"ignoreCase", Use::kUsed},
    {"skipRateLimit", Use::kUsed},
    {"skipQuota", Use::kUsed},
    {"skipQuotaReset", Use::kKept},
    {"contextVariables", Use::kKept},
    {"trafficLogs", Use::kKept},
    {"cache", Use::kInert, "answers are not cached here"},
    {"transformResponseHeaders", Use::kUsed},
    {"pluginConfig", Use::kUsed},
    {"prePlugin", Use::kRefused, kOasNoPlugins},
    {"prePlugins", Use::kRefused, kOasNoPlugins},
    {"postAuthenticationPlugin", Use::kRefused, kOasNoPlugins},
    {"postAuthenticationPlugins", Use::kRefused, kOasNoPlugins},
    {"postPlugin", Use::kRefused, kOasNoPlugins},
    {"postPlugins", Use::kRefused, kOasNoPlugins},
    {"responsePlugin", Use::kRefused, kOasNoPlugins},
    {"responsePlugins", Use::kRefused, kOasNoPlugins},
};

constexpr FieldRule kOasCors[] = {
    {"enabled", Use::kUsed},
    {"allowedOrigins", Use::kUsed},
    {"allowedMethods", Use::kUsed},
    {"allowedHeaders", Use::kUsed},
    {"exposedHeaders", Use::kUsed},
    {"allowCredentials", Use::kUsed},
    {"maxAge", Use::kUsed},
    {"optionsPassthrough", Use::kInert,
     "preflight requests are never passed on without a credential"},
    {"debug", Use::kKept},
};

constexpr FieldRule kOasHeaders[] = {
    {"enabled", Use::kUsed},
    {"add", Use::kUsed},
    {"remove", Use::kUsed},
};

constexpr FieldRule kOasHeader[] = {
    {"name", Use::kUsed},
    {"value", Use::kUsed},
};

constexpr FieldRule kOasSize[] = {
    {"enabled", Use::kUsed},
    {"value", Use::kUsed},
};

constexpr FieldRule kOasPluginConfig[] = {
    {"data", Use::kUsed},
    {"driver", Use::kKept},
    {"bundle", Use::kRefused, kOasNoPlugins},
};

constexpr FieldRule kOasPluginData[] = {
    {"enabled", Use::kUsed},
    {"value", Use::kUsed},
};

}  // namespace

ObjectRules OasExtensionRules() { return {kOasExtension, true}; }
ObjectRules OasInfoRules() { return {kOasInfo, false}; }
ObjectRules OasStateRules() { return {kOasState, true}; }
ObjectRules OasVersioningRules() { return {kOasVersioning, true}; }
ObjectRules OasVersionRules() { return {kOasVersion, true}; }
ObjectRules OasServerRules() { return {kOasServer, true}; }
ObjectRules OasListenPathRules() { return {kOasListenPath, true}; }
ObjectRules OasCustomDomainRules() { return {kOasCustomDomain, true}; }
ObjectRules OasClientCertificatesRules() { return {kOasClientCertificates, true}; }
ObjectRules OasGatewayTagsRules() { return {kOasGatewayTags, false}; }
ObjectRules OasIpRules() { return {kOasIp, true}; }
ObjectRules OasBasicRules() { return {kOasBasic, true}; }
ObjectRules OasJwtRules() { return {kOasJwtFields, true}; }
ObjectRules OasJwtScopesRules() { return {kOasJwtScopes, true}; }
ObjectRules OasAuthenticationRules() { return {kOasAuthentication, true}; }
ObjectRules OasTokenRules() { return {kOasToken, true}; }
ObjectRules OasSourceRules() { return {kOasSource, true}; }
ObjectRules OasSwitchRules() { return {kOasSwitch, true}; }
ObjectRules OasUpstreamRules() { return {kOasUpstream, true}; }
ObjectRules OasMutualTlsRules() { return {kOasMutualTls, true}; }
ObjectRules OasCertificateMappingRules() { return {kOasCertificateMapping, true}; }
ObjectRules OasPinningRules() { return {kOasPinning, true}; }
ObjectRules OasPinMappingRules() { return {kOasPinMapping, true}; }
ObjectRules OasTransportRules() { return {kOasTransport, true}; }
ObjectRules OasProxyRules() { return {kOasProxy, true}; }
ObjectRules OasBalancingRules() { return {kOasBalancing, false}; }
ObjectRules OasTargetRules() { return {kOasTarget, true}; }
ObjectRules OasRateRules() { return {kOasRate, true}; }
ObjectRules OasMiddlewareRules() { return {kOasMiddleware, true}; }
ObjectRules OasGlobalRules() { return {kOasGlobal, true}; }
ObjectRules OasCorsRules() { return {kOasCors, true}; }
ObjectRules OasHeadersRules() { return {kOasHeaders, true}; }
ObjectRules OasHeaderRules() { return {kOasHeader, true}; }
ObjectRules OasSizeRules() { return {kOasSize, true}; }
ObjectRules OasPluginConfigRules() { return {kOasPluginConfig, true}; }
ObjectRules OasPluginDataRules() { return {kOasPluginData, true}; }

}  // namespace sallyport::authsvc::dialects
