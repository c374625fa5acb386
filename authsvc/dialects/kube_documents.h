// Secret and ConfigMap of Kubernetes. A certificate or bare public key in their data becomes a
// certificate of the store, and "name:secret/NAMESPACE/NAME/KEY" ("name:configmap/...") refers to
// the one that stands there now. Pure, thread-safe.
#pragma once

#include <map>
#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] bool IsKubernetes(const Node& document);
[[nodiscard]] Conversion ConvertKubernetes(const Node& document, const ConvertOptions& options);

// Whether the document is a ConfigMap; then its id and texts by key, wrong ones left out.
[[nodiscard]] bool ReadConfigMap(const Node& document, const ConvertOptions& options,
                                 std::string* id, std::map<std::string, std::string>* data);

// The object as it may be shown: of a Secret the names in its data and what is no secret.
[[nodiscard]] std::string KubernetesJson(const v1::Resource& resource);

}  // namespace sallyport::authsvc::dialects
