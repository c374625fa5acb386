// The fields of Kubernetes' own objects and of Tyk Operator's (reference tyk.md §9.1), and what
// becomes of each.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] ObjectRules KubeSecretRules();
[[nodiscard]] ObjectRules KubeConfigMapRules();
[[nodiscard]] ObjectRules OperatorObjectRules();  // the top of a resource of Tyk Operator
// Beside those of a Classic definition, in spec of an ApiDefinition.
[[nodiscard]] ObjectRules OperatorReferenceRules();
[[nodiscard]] ObjectRules OperatorOasRules();  // spec of a TykOasApiDefinition
[[nodiscard]] ObjectRules OperatorTykOasRules();
[[nodiscard]] ObjectRules OperatorConfigMapRefRules();
[[nodiscard]] ObjectRules OperatorClientCertificateRules();
[[nodiscard]] ObjectRules OperatorMutualTlsRules();
[[nodiscard]] ObjectRules OperatorCertificateMappingRules();
[[nodiscard]] ObjectRules OperatorPinningRules();
[[nodiscard]] ObjectRules OperatorPinMappingRules();
[[nodiscard]] ObjectRules OperatorDomainRules();

}  // namespace sallyport::authsvc::dialects
