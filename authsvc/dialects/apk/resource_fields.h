// The fields of WSO2 APK's resources of Kubernetes (reference apk.md B9), and what becomes of each.
// Unknown ones are refused, as the cluster itself would not take them.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

[[nodiscard]] ObjectRules ResourceRules();  // the top of each
[[nodiscard]] ObjectRules TargetRefRules();
[[nodiscard]] ObjectRules RefRules();                // {name, key} of a Secret or ConfigMap
[[nodiscard]] ObjectRules CertificateSourceRules();  // inline, or of a Secret or ConfigMap

[[nodiscard]] ObjectRules AuthenticationSpecRules();
[[nodiscard]] ObjectRules AuthSpecRules();  // default, override
[[nodiscard]] ObjectRules AuthTypesRules();
[[nodiscard]] ObjectRules AuthOAuth2Rules();
[[nodiscard]] ObjectRules AuthJwtRules();
[[nodiscard]] ObjectRules AuthApiKeyRules();
[[nodiscard]] ObjectRules AuthApiKeyPlaceRules();
[[nodiscard]] ObjectRules AuthMtlsRules();

[[nodiscard]] ObjectRules TokenIssuerSpecRules();
[[nodiscard]] ObjectRules SignatureValidationRules();
[[nodiscard]] ObjectRules JwksRules();
[[nodiscard]] ObjectRules ClaimMappingRules();

}  // namespace sallyport::authsvc::dialects::apk
