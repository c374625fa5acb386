#include "authsvc/dialects/tyk_oas_fields.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kOasNoBodies = "bodies are passed on as they come";

constexpr FieldRule kOasOperation[] = {
    {"allow", Use::kUsed},
    {"block", Use::kUsed},
    {"ignoreAuthentication", Use::kUsed},
    {"internal", Use::kRefused,
     "internal endpoints do not exist here: they would become reachable"},
    {"transformRequestMethod", Use::kUsed},
    {"transformRequestBody", Use::kRefused, kOasNoBodies},
    {"transformResponseBody", Use::kRefused, kOasNoBodies},
    {"transformRequestHeaders", Use::kUsed},
    {"transformResponseHeaders", Use::kUsed},
    {"urlRewrite", Use::kUsed},
    {"validateRequest", Use::kRefused, "request validation does not exist here"},
    {"mockResponse", Use::kUsed},
    {"virtualEndpoint", Use::kUsed},
    {"postPlugins", Use::kRefused, "plugins and custom middleware do not exist here"},
    {"requestSizeLimit", Use::kUsed},
    {"rateLimit", Use::kRefused, "rate limits by endpoint do not exist here"},
    {"cache", Use::kInert, "answers are not cached here"},
    {"enforceTimeout", Use::kUsed},
    {"circuitBreaker", Use::kInert, "targets that fail are always left out for a while"},
    {"trackEndpoint", Use::kKept},
    {"doNotTrackEndpoint", Use::kKept},
};

constexpr FieldRule kOasVirtualEndpoint[] = {
    {"enabled", Use::kUsed},      {"functionName", Use::kUsed}, {"name", Use::kUsed},
    {"path", Use::kUsed},         {"body", Use::kUsed},         {"requireSession", Use::kUsed},
    {"proxyOnError", Use::kUsed},
};

constexpr FieldRule kOasAllowance[] = {
    {"enabled", Use::kUsed},
    {"ignoreCase", Use::kUsed},
};

constexpr FieldRule kOasRewrite[] = {
    {"enabled", Use::kUsed},
    {"pattern", Use::kUsed},
    {"rewriteTo", Use::kUsed},
    {"triggers", Use::kUsed},
};

constexpr FieldRule kOasTrigger[] = {
    {"condition", Use::kUsed},
    {"rules", Use::kUsed},
    {"rewriteTo", Use::kUsed},
};

constexpr FieldRule kOasTriggerRule[] = {
    {"in", Use::kUsed},
    {"name", Use::kUsed},
    {"pattern", Use::kUsed},
    {"negate", Use::kUsed},
};

constexpr FieldRule kOasMethod[] = {
    {"enabled", Use::kUsed},
    {"toMethod", Use::kUsed},
};

constexpr FieldRule kOasMock[] = {
    {"enabled", Use::kUsed},
    {"code", Use::kUsed},
    {"body", Use::kUsed},
    {"headers", Use::kUsed},
    {"fromOASExamples", Use::kUsed},
};

constexpr FieldRule kOasExamples[] = {
    {"enabled", Use::kRefused, "answers are not made of examples: write code, headers and body"},
    {"code", Use::kKept},
    {"contentType", Use::kKept},
    {"exampleName", Use::kKept},
};

}  // namespace

ObjectRules OasOperationRules() { return {kOasOperation, true}; }
ObjectRules OasAllowanceRules() { return {kOasAllowance, true}; }
ObjectRules OasVirtualEndpointRules() { return {kOasVirtualEndpoint, true}; }
ObjectRules OasRewriteRules() { return {kOasRewrite, true}; }
ObjectRules OasTriggerRules() { return {kOasTrigger, true}; }
ObjectRules OasTriggerRuleRules() { return {kOasTriggerRule, true}; }
ObjectRules OasMethodRules() { return {kOasMethod, true}; }
ObjectRules OasMockRules() { return {kOasMock, true}; }
ObjectRules OasExamplesRules() { return {kOasExamples, true}; }

}  // namespace sallyport::authsvc::dialects
