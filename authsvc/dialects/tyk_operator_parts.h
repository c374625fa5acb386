// Parts of the converter for Tyk Operator's resources. Private to this folder.
#pragma once

#include <string>

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"
#include "authsvc/dialects/references.h"

namespace sallyport::authsvc::dialects {

// A Secret's name in a list or map -> the reference to it; empty after a refusal.
[[nodiscard]] std::string OperatorSecret(const Node& value, const std::string& path,
                                         const KubeName& owner, Conversion* out);

// `spec` of a TykOasApiDefinition beside its definition, over what the definition says: lists and
// maps are added to, a switch that contradicts is refused.
void OperatorOas(const Fields& spec, const KubeName& owner, References* references, v1::Api* api);
// `spec` of an ApiDefinition: what refers to Secrets.
void OperatorClassicReferences(const Fields& spec, const KubeName& owner, v1::Api* api);

}  // namespace sallyport::authsvc::dialects
