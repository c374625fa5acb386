// Parts of the converter for Tyk OAS API definitions (reference tyk.md §8.1). Private to this
// folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/references.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc::dialects {

inline constexpr absl::string_view kTykExtension = "x-tyk-api-gateway";

// `document`: the OpenAPI part, for its security schemes and operations.
// `server.authentication` -> how callers prove who they are.
void OasAuthentication(const Node& document, const Fields& server, References* references,
                       v1::Api* api);
// `upstream`. Answers the password of its forward proxy.
[[nodiscard]] base::Secret OasUpstream(const Fields& upstream, References* references,
                                       v1::Api* api);
// `middleware.global` -> api->versions(0), CORS and switches of limits.
void OasMiddleware(const Fields& middleware, v1::Api* api);
// `middleware.operations` -> path rules and endpoints of api->versions(0). The API has the listen
// path that it is served at: a version that of its base.
void OasOperations(const Node& document, const Fields& middleware, v1::Api* api);
// `add` and `remove` of a transformRequestHeaders or transformResponseHeaders that is on.
[[nodiscard]] v1::HeaderChange OasHeaderChange(const Fields& headers);

// A key of a domain map, by Tyk's pattern (an IPv6 literal in brackets is taken as well) and by
// ours.
[[nodiscard]] bool OasDomain(const std::string& domain, const std::string& path, const Node& at,
                             Conversion* out);
// Whether an object with `enabled` is on; without the member it is refused, as Tyk's schema has it.
[[nodiscard]] bool IsOn(const Fields& object);

}  // namespace sallyport::authsvc::dialects
