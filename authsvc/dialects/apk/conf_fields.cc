#include "authsvc/dialects/apk/conf_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kNoAi = "AI APIs do not exist here";

constexpr FieldRule kConf[] = {
    {"id", Use::kUsed},
    {"name", Use::kUsed},
    {"basePath", Use::kUsed},
    {"version", Use::kUsed},
    {"type", Use::kUsed},
    {"defaultVersion", Use::kUsed},
    {"endpointConfigurations", Use::kUsed},
    {"operations", Use::kUsed},
    {"apiPolicies", Use::kUsed},
    {"rateLimit", Use::kUsed},
    {"authentication", Use::kUsed},
    {"corsConfiguration", Use::kUsed},
    {"additionalProperties", Use::kUsed},
    {"definitionPath", Use::kKept},
    {"environment", Use::kInert, "everything belongs to the one environment of this gateway"},
    {"subscriptionValidation", Use::kRefused, "subscriptions do not exist here"},
    {"aiProvider", Use::kRefused, kNoAi},
};

constexpr FieldRule kEndpointConfigurations[] = {
    {"production", Use::kUsed},
    {"sandbox", Use::kUsed},
};

constexpr FieldRule kEndpoint[] = {
    {"endpoint", Use::kUsed},         {"weight", Use::kUsed},
    {"certificate", Use::kUsed},      {"resiliency", Use::kUsed},
    {"endpointSecurity", Use::kUsed}, {"aiRatelimit", Use::kRefused, kNoAi},
};

constexpr FieldRule kService[] = {{"name", Use::kUsed},
                                  {"namespace", Use::kUsed},
                                  {"port", Use::kUsed},
                                  {"protocol", Use::kUsed}};

constexpr FieldRule kEndpointCertificate[] = {{"secretName", Use::kUsed},
                                              {"secretKey", Use::kUsed}};

constexpr FieldRule kResiliency[] = {
    {"timeout", Use::kUsed},
    {"circuitBreaker", Use::kUsed},
    {"retryPolicy", Use::kUsed},
};

constexpr FieldRule kTimeout[] = {
    {"upstreamResponseTimeout", Use::kUsed},
    {"downstreamRequestIdleTimeout", Use::kUsed},
};

constexpr absl::string_view kRetriesElsewhere =
    "has no effect: a request goes to a further target by the gateway's own rules";
constexpr FieldRule kRetry[] = {
    {"count", Use::kInert, kRetriesElsewhere},
    {"baseIntervalMillis", Use::kInert, kRetriesElsewhere},
    {"statusCodes", Use::kInert, kRetriesElsewhere},
};

constexpr FieldRule kCircuitBreaker[] = {
    {"maxConnections", Use::kUsed}, {"maxPendingRequests", Use::kUsed},
    {"maxRequests", Use::kUsed},    {"maxConnectionPools", Use::kInert},
    {"maxRetries", Use::kInert},
};

constexpr FieldRule kOperation[] = {
    {"target", Use::kUsed},
    {"verb", Use::kUsed},
    {"secured", Use::kUsed},
    {"scopes", Use::kUsed},
    {"operationPolicies", Use::kUsed},
    {"rateLimit", Use::kUsed},
    {"endpointConfigurations", Use::kUsed},
};

constexpr FieldRule kPolicies[] = {{"request", Use::kUsed}, {"response", Use::kUsed}};

constexpr FieldRule kPolicy[] = {
    {"policyName", Use::kUsed},
    {"policyVersion", Use::kUsed},
    {"policyId", Use::kKept},
    {"parameters", Use::kUsed},
};

constexpr FieldRule kHeaderParameters[] = {{"headerName", Use::kUsed}, {"headerValue", Use::kUsed}};

constexpr FieldRule kRateLimit[] = {{"requestsPerUnit", Use::kUsed}, {"unit", Use::kUsed}};

constexpr FieldRule kCors[] = {
    {"corsConfigurationEnabled", Use::kUsed},   {"accessControlAllowOrigins", Use::kUsed},
    {"accessControlAllowHeaders", Use::kUsed},  {"accessControlAllowMethods", Use::kUsed},
    {"accessControlExposeHeaders", Use::kUsed}, {"accessControlAllowCredentials", Use::kUsed},
    {"accessControlAllowMaxAge", Use::kUsed},
};

constexpr FieldRule kProperty[] = {{"name", Use::kKept}, {"value", Use::kKept}};

constexpr FieldRule kOAuth2[] = {
    {"authType", Use::kUsed},   {"enabled", Use::kUsed},
    {"required", Use::kUsed},   {"sendTokenToUpstream", Use::kUsed},
    {"headerName", Use::kUsed}, {"headerEnable", Use::kUsed},
};

constexpr FieldRule kJwt[] = {
    {"authType", Use::kUsed},   {"enabled", Use::kUsed},
    {"required", Use::kUsed},   {"sendTokenToUpstream", Use::kUsed},
    {"headerName", Use::kUsed}, {"audience", Use::kUsed},
};

constexpr FieldRule kApiKey[] = {
    {"authType", Use::kUsed},       {"enabled", Use::kUsed},
    {"required", Use::kUsed},       {"sendTokenToUpstream", Use::kUsed},
    {"headerName", Use::kUsed},     {"headerEnable", Use::kUsed},
    {"queryParamName", Use::kUsed}, {"queryParamEnable", Use::kUsed},
};

constexpr FieldRule kMtls[] = {
    {"authType", Use::kUsed},
    {"enabled", Use::kUsed},
    {"required", Use::kUsed},
    {"certificates", Use::kUsed},
};

constexpr FieldRule kCertificateRef[] = {{"name", Use::kUsed}, {"key", Use::kUsed}};

}  // namespace

ObjectRules ConfRules() { return {kConf, true}; }
ObjectRules EndpointConfigurationsRules() { return {kEndpointConfigurations, true}; }
ObjectRules EndpointRules() { return {kEndpoint, true}; }
ObjectRules ServiceRules() { return {kService, true}; }
ObjectRules EndpointCertificateRules() { return {kEndpointCertificate, true}; }
ObjectRules ResiliencyRules() { return {kResiliency, true}; }
ObjectRules TimeoutRules() { return {kTimeout, true}; }
ObjectRules RetryRules() { return {kRetry, true}; }
ObjectRules CircuitBreakerRules() { return {kCircuitBreaker, true}; }
ObjectRules OperationRules() { return {kOperation, true}; }
ObjectRules PoliciesRules() { return {kPolicies, true}; }
ObjectRules PolicyRules() { return {kPolicy, true}; }
ObjectRules HeaderParametersRules() { return {kHeaderParameters, true}; }
ObjectRules RateLimitRules() { return {kRateLimit, true}; }
ObjectRules CorsRules() { return {kCors, true}; }
ObjectRules PropertyRules() { return {kProperty, true}; }
ObjectRules OAuth2Rules() { return {kOAuth2, true}; }
ObjectRules JwtRules() { return {kJwt, true}; }
ObjectRules ApiKeyRules() { return {kApiKey, true}; }
ObjectRules MtlsRules() { return {kMtls, true}; }
ObjectRules CertificateRefRules() { return {kCertificateRef, true}; }

}  // namespace sallyport::authsvc::dialects::apk
