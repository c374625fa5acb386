// The fields of apk-conf (reference apk.md B8) and what becomes of each. The dialect's own schema
// forbids others, so an unknown one is refused everywhere.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

[[nodiscard]] ObjectRules ConfRules();
[[nodiscard]] ObjectRules EndpointConfigurationsRules();
[[nodiscard]] ObjectRules EndpointRules();
[[nodiscard]] ObjectRules ServiceRules();  // an endpoint that is a service of Kubernetes
[[nodiscard]] ObjectRules EndpointCertificateRules();
[[nodiscard]] ObjectRules ResiliencyRules();
[[nodiscard]] ObjectRules TimeoutRules();
[[nodiscard]] ObjectRules RetryRules();
[[nodiscard]] ObjectRules CircuitBreakerRules();
[[nodiscard]] ObjectRules OperationRules();
[[nodiscard]] ObjectRules PoliciesRules();
[[nodiscard]] ObjectRules PolicyRules();
[[nodiscard]] ObjectRules HeaderParametersRules();
[[nodiscard]] ObjectRules RateLimitRules();
[[nodiscard]] ObjectRules CorsRules();
[[nodiscard]] ObjectRules PropertyRules();
// By authType.
[[nodiscard]] ObjectRules OAuth2Rules();
[[nodiscard]] ObjectRules JwtRules();
[[nodiscard]] ObjectRules ApiKeyRules();
[[nodiscard]] ObjectRules MtlsRules();
[[nodiscard]] ObjectRules CertificateRefRules();

}  // namespace sallyport::authsvc::dialects::apk
