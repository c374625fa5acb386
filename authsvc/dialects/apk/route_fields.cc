#include "authsvc/dialects/apk/route_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kOneHome = "everything belongs to the one organisation of this gateway";

constexpr FieldRule kApiSpec[] = {
    {"apiName", Use::kUsed},
    {"apiVersion", Use::kUsed},
    {"isDefaultVersion", Use::kUsed},
    {"basePath", Use::kUsed},
    {"apiType", Use::kUsed},
    {"production", Use::kUsed},
    {"sandbox", Use::kUsed},
    {"systemAPI", Use::kRefused, "APIs of the system are not open to anybody here"},
    {"definitionFileRef", Use::kKept},
    {"definitionPath", Use::kKept},
    {"apiProperties", Use::kKept},
    {"organization", Use::kInert, kOneHome},
    {"environment", Use::kInert, kOneHome},
};

constexpr FieldRule kEnvironment[] = {{"routeRefs", Use::kUsed}, {"httpRouteRefs", Use::kUsed}};

constexpr FieldRule kRouteSpec[] = {
    {"parentRefs", Use::kKept},
    {"hostnames", Use::kUsed},
    {"rules", Use::kUsed},
};

constexpr FieldRule kRouteRule[] = {
    {"name", Use::kKept},
    {"matches", Use::kUsed},
    {"filters", Use::kUsed},
    {"backendRefs", Use::kUsed},
    {"timeouts", Use::kRefused, "timeouts are those of the Backend"},
    {"sessionPersistence", Use::kRefused, "does not exist here"},
    {"retry", Use::kRefused, "does not exist here"},
};

constexpr FieldRule kRouteMatch[] = {
    {"path", Use::kUsed},
    {"method", Use::kUsed},
    {"headers", Use::kRefused, "operations are told apart by path and method alone"},
    {"queryParams", Use::kRefused, "operations are told apart by path and method alone"},
};

constexpr FieldRule kRoutePath[] = {{"type", Use::kUsed}, {"value", Use::kUsed}};

constexpr FieldRule kGrpcMatch[] = {
    {"method", Use::kUsed},
    {"headers", Use::kRefused, "operations are told apart by service and method alone"},
};

constexpr FieldRule kGrpcMethod[] = {
    {"type", Use::kUsed},
    {"service", Use::kUsed},
    {"method", Use::kUsed},
};

constexpr FieldRule kRouteFilter[] = {
    {"type", Use::kUsed},
    {"requestHeaderModifier", Use::kUsed},
    {"responseHeaderModifier", Use::kUsed},
    {"extensionRef", Use::kUsed},
    {"urlRewrite", Use::kUsed},
    {"requestMirror", Use::kRefused, "does not exist here"},
    {"requestRedirect", Use::kRefused, "does not exist here"},
};

constexpr FieldRule kHeaderModifier[] = {
    {"set", Use::kUsed},
    {"add", Use::kUsed},
    {"remove", Use::kUsed},
};
constexpr FieldRule kHeaderItem[] = {{"name", Use::kUsed}, {"value", Use::kUsed}};

constexpr FieldRule kExtensionRef[] = {
    {"group", Use::kUsed},
    {"kind", Use::kUsed},
    {"name", Use::kUsed},
};

constexpr FieldRule kBackendRef[] = {
    {"group", Use::kUsed},
    {"kind", Use::kUsed},
    {"name", Use::kUsed},
    {"namespace", Use::kUsed},
    {"port", Use::kUsed},
    {"weight", Use::kUsed},
    {"filters", Use::kRefused, "filters of one backend do not exist here"},
};

constexpr FieldRule kBackendSpec[] = {
    {"services", Use::kUsed},
    {"protocol", Use::kUsed},
    {"basePath", Use::kUsed},
    {"tls", Use::kUsed},
    {"timeout", Use::kUsed},
    {"circuitBreaker", Use::kUsed},
    {"retry", Use::kUsed},
    {"healthCheck", Use::kInert, "has no effect: what answers requests is what counts"},
    {"security", Use::kUsed},
};

constexpr FieldRule kBackendService[] = {{"host", Use::kUsed}, {"port", Use::kUsed}};

constexpr FieldRule kBackendTls[] = {
    {"certificateInline", Use::kUsed},    {"secretRef", Use::kUsed},
    {"configMapRef", Use::kUsed},         {"allowedSANs", Use::kUsed},
    {"clientCertificateRef", Use::kUsed},  // beyond APK
};

constexpr absl::string_view kNoRetry =
    "has no effect: a request goes to a further target by the gateway's own rules";
constexpr FieldRule kBackendRetry[] = {
    {"count", Use::kInert, kNoRetry},
    {"baseIntervalMillis", Use::kInert, kNoRetry},
    {"statusCodes", Use::kInert, kNoRetry},
};

constexpr FieldRule kScopeSpec[] = {{"names", Use::kUsed}};

}  // namespace

ObjectRules ApiSpecRules() { return {kApiSpec, true}; }
ObjectRules EnvironmentRules() { return {kEnvironment, true}; }
ObjectRules RouteSpecRules() { return {kRouteSpec, true}; }
ObjectRules RouteRuleRules() { return {kRouteRule, true}; }
ObjectRules RouteMatchRules() { return {kRouteMatch, true}; }
ObjectRules RoutePathRules() { return {kRoutePath, true}; }
ObjectRules GrpcMatchRules() { return {kGrpcMatch, true}; }
ObjectRules GrpcMethodRules() { return {kGrpcMethod, true}; }
ObjectRules RouteFilterRules() { return {kRouteFilter, true}; }
ObjectRules HeaderModifierRules() { return {kHeaderModifier, true}; }
ObjectRules HeaderItemRules() { return {kHeaderItem, true}; }
ObjectRules ExtensionRefRules() { return {kExtensionRef, true}; }
ObjectRules BackendRefRules() { return {kBackendRef, true}; }
ObjectRules BackendSpecRules() { return {kBackendSpec, true}; }
ObjectRules BackendServiceRules() { return {kBackendService, true}; }
ObjectRules BackendTlsRules() { return {kBackendTls, true}; }
ObjectRules BackendRetryRules() { return {kBackendRetry, true}; }
ObjectRules ScopeSpecRules() { return {kScopeSpec, true}; }

}  // namespace sallyport::authsvc::dialects::apk
