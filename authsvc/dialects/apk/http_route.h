// HTTPRoute and GRPCRoute of the gateway API, as WSO2 APK's APIs name it: operations, their scopes,
// and the Backends behind. Pure, thread-safe. Private to this folder.
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
inline constexpr absl::string_view kGrpcRoute = "GRPCRoute";
inline constexpr absl::string_view kScope = "Scope";

struct RouteBackend {
  bool service = false;  // of Kubernetes itself, else a Backend
  std::string name;
  int64_t port = 0;  // of a service
  uint32_t weight = 0;
  bool operator==(const RouteBackend&) const = default;
};

// What the resources say that a route names; empty functions, and answers without a value: they
// are not there.
struct RouteNeighbours {
  // The names in a Scope.
  std::function<std::optional<std::vector<std::string>>(const std::string& resource)> scope_names;
  // The limit of a RateLimitPolicy that is for single operations.
  std::function<std::optional<v1::RateLimit>(const std::string& resource)> rate_limit;
  // Whether an Authentication that is for single operations lets them be called without a token.
  std::function<std::optional<bool>(const std::string& resource)> opens;
  // "https://host:port/base" of a Backend of a rule's own.
  std::function<std::optional<std::string>(const RouteBackend& backend)> backend_url;
};

struct RouteParts {
  std::vector<std::string> hosts;
  std::vector<RouteBackend> backends;  // of the first rule, and of each that has no other
};

// `grpc_prefixes`: of a GRPCRoute, what stands before a service (PutGrpcPaths); empty: an
// HTTPRoute.
[[nodiscard]] RouteParts ReadRoute(const Fields& spec, const KubeName& name,
                                   const std::vector<std::string>& grpc_prefixes,
                                   const RouteNeighbours& neighbours, OperationList* operations);

[[nodiscard]] std::vector<std::string> ReadScopeSpec(const Fields& spec);

}  // namespace sallyport::authsvc::dialects::apk
