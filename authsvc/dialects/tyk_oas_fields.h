// The fields of a Tyk OAS API definition (reference tyk.md §8.1) and what becomes of each.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] ObjectRules OasExtensionRules();  // x-tyk-api-gateway
[[nodiscard]] ObjectRules OasInfoRules();
[[nodiscard]] ObjectRules OasStateRules();
[[nodiscard]] ObjectRules OasVersioningRules();
[[nodiscard]] ObjectRules OasVersionRules();  // an entry of its `versions`
[[nodiscard]] ObjectRules OasServerRules();
[[nodiscard]] ObjectRules OasListenPathRules();
[[nodiscard]] ObjectRules OasCustomDomainRules();
[[nodiscard]] ObjectRules OasClientCertificatesRules();
[[nodiscard]] ObjectRules OasGatewayTagsRules();
[[nodiscard]] ObjectRules OasIpRules();
[[nodiscard]] ObjectRules OasAuthenticationRules();
[[nodiscard]] ObjectRules OasBasicRules();  // user name and password there
[[nodiscard]] ObjectRules OasTokenRules();  // an auth token in authentication.securitySchemes
[[nodiscard]] ObjectRules OasJwtRules();    // a JWT scheme there
[[nodiscard]] ObjectRules OasJwtScopesRules();
[[nodiscard]] ObjectRules OasSourceRules();  // its header, cookie, query
[[nodiscard]] ObjectRules OasSwitchRules();  // objects that have `enabled` alone
[[nodiscard]] ObjectRules OasUpstreamRules();
[[nodiscard]] ObjectRules OasMutualTlsRules();
[[nodiscard]] ObjectRules OasCertificateMappingRules();
[[nodiscard]] ObjectRules OasPinningRules();
[[nodiscard]] ObjectRules OasPinMappingRules();
[[nodiscard]] ObjectRules OasTransportRules();
[[nodiscard]] ObjectRules OasProxyRules();
[[nodiscard]] ObjectRules OasBalancingRules();
[[nodiscard]] ObjectRules OasTargetRules();
[[nodiscard]] ObjectRules OasRateRules();
[[nodiscard]] ObjectRules OasMiddlewareRules();
[[nodiscard]] ObjectRules OasGlobalRules();
[[nodiscard]] ObjectRules OasCorsRules();
[[nodiscard]] ObjectRules OasHeadersRules();
[[nodiscard]] ObjectRules OasHeaderRules();
[[nodiscard]] ObjectRules OasSizeRules();
[[nodiscard]] ObjectRules OasPluginConfigRules();
[[nodiscard]] ObjectRules OasPluginDataRules();

// Of middleware.operations (tyk_oas_operation_fields.cc).
[[nodiscard]] ObjectRules OasOperationRules();
[[nodiscard]] ObjectRules OasAllowanceRules();
[[nodiscard]] ObjectRules OasVirtualEndpointRules();
[[nodiscard]] ObjectRules OasRewriteRules();
[[nodiscard]] ObjectRules OasTriggerRules();
[[nodiscard]] ObjectRules OasTriggerRuleRules();  // one condition of a trigger
[[nodiscard]] ObjectRules OasMethodRules();
[[nodiscard]] ObjectRules OasMockRules();
[[nodiscard]] ObjectRules OasExamplesRules();

}  // namespace sallyport::authsvc::dialects
