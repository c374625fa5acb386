// Resources of Tyk Operator (reference tyk.md §9): ApiDefinition, TykOasApiDefinition,
// SecurityPolicy. Secrets are referred to by place ("name:secret/..."), in the namespace of the
// resource alone: one that is not there yet is pending, and what comes to stand there counts at
// once. Pure, thread-safe.
#pragma once

#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] bool IsTykOperator(const Node& document);
[[nodiscard]] Conversion ConvertTykOperator(const Node& document, const ConvertOptions& options);

// The ConfigMap ("namespace/name") that the definition stands in; empty: in none.
[[nodiscard]] std::string ConfigMapOf(const Node& document, const ConvertOptions& options);

}  // namespace sallyport::authsvc::dialects
