// The fields of the resources that make an API of WSO2 APK: API, HTTPRoute, Backend, Scope
// (reference apk.md B9), and what becomes of each.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

[[nodiscard]] ObjectRules ApiSpecRules();
[[nodiscard]] ObjectRules EnvironmentRules();  // production[], sandbox[]

[[nodiscard]] ObjectRules RouteSpecRules();
[[nodiscard]] ObjectRules RouteRuleRules();
[[nodiscard]] ObjectRules RouteMatchRules();
[[nodiscard]] ObjectRules RoutePathRules();
[[nodiscard]] ObjectRules GrpcMatchRules();  // of a GRPCRoute
[[nodiscard]] ObjectRules GrpcMethodRules();
[[nodiscard]] ObjectRules RouteFilterRules();
[[nodiscard]] ObjectRules HeaderModifierRules();
[[nodiscard]] ObjectRules HeaderItemRules();
[[nodiscard]] ObjectRules ExtensionRefRules();
[[nodiscard]] ObjectRules BackendRefRules();

[[nodiscard]] ObjectRules BackendSpecRules();
[[nodiscard]] ObjectRules BackendServiceRules();
[[nodiscard]] ObjectRules BackendTlsRules();
[[nodiscard]] ObjectRules BackendRetryRules();

[[nodiscard]] ObjectRules ScopeSpecRules();

}  // namespace sallyport::authsvc::dialects::apk
