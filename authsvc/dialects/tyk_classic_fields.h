// The fields of a Tyk Classic API definition (reference tyk.md §8.2) and what becomes of each.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] ObjectRules ClassicRules();  // the definition itself
[[nodiscard]] ObjectRules ClassicBasicRules();
[[nodiscard]] ObjectRules ClassicAuthRules();  // `auth` and the members of `auth_configs`
[[nodiscard]] ObjectRules ClassicAuthConfigsRules();
[[nodiscard]] ObjectRules ClassicProxyRules();
[[nodiscard]] ObjectRules ClassicTransportRules();
[[nodiscard]] ObjectRules ClassicRateRules();
[[nodiscard]] ObjectRules ClassicVersionDataRules();
[[nodiscard]] ObjectRules ClassicVersionRules();
[[nodiscard]] ObjectRules ClassicPathsRules();  // version.paths
[[nodiscard]] ObjectRules ClassicExtendedPathsRules();
[[nodiscard]] ObjectRules ClassicEndpointRules();    // an entry of white_list, black_list, ignored
[[nodiscard]] ObjectRules ClassicDefinitionRules();  // `definition`: how a version is named
[[nodiscard]] ObjectRules ClassicCorsRules();

}  // namespace sallyport::authsvc::dialects
