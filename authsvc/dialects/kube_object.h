// What objects of Kubernetes have in common: apiVersion, kind, metadata. Private to this folder.
#pragma once

#include <string>

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

struct KubeName {
  std::string name_space;
  std::string name;

  [[nodiscard]] std::string Id() const { return name_space + "/" + name; }
  // Of an API or policy: a namespace has no dots, so no two objects share one.
  [[nodiscard]] std::string DottedId() const { return name_space + "." + name; }
};

// `metadata` of an object; refuses names that are none (lower-case letters, digits, '-' and '.').
[[nodiscard]] KubeName ReadKubeName(const Fields& top, const ConvertOptions& options);
[[nodiscard]] bool IsKubeName(absl::string_view name);

// "name:secret/NAMESPACE/NAME/tls.crt": what stands in a Secret of type kubernetes.io/tls.
[[nodiscard]] std::string SecretReference(const KubeName& secret);

}  // namespace sallyport::authsvc::dialects
