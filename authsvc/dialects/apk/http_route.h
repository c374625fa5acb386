// HTTPRoute of the gateway API, as WSO2 APK's APIs name it: operations, their scopes, and the
// Backends behind. Pure, thread-safe. Private to this folder.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"

namespace sallyport::authsvc::dialects::apk {

inline constexpr absl::string_view kHttpRoute = "HTTPRoute";
inline constexpr absl::string_view kScope = "Scope";

struct RouteBackend {
  bool service = false;  // of Kubernetes itself, else a Backend
  std::string name;
  int64_t port = 0;  // of a service
  uint32_t weight = 0;
  bool operator==(const RouteBackend&) const = default;
};

// The names in a Scope resource; none: it is not there.
using ScopeNames =
    std::function<std::optional<std::vector<std::string>>(const std::string& resource)>;

struct RouteParts {
  std::vector<std::string> hosts;
  std::vector<RouteBackend> backends;  // of every rule the same
  std::vector<std::string> scopes;     // names of Scope resources
};

[[nodiscard]] RouteParts ReadRoute(const Fields& spec, const KubeName& name,
                                   const ScopeNames& scope_names, OperationList* operations);

[[nodiscard]] std::vector<std::string> ReadScopeSpec(const Fields& spec);

}  // namespace sallyport::authsvc::dialects::apk
