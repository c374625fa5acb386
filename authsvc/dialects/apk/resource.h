// WSO2 APK's resources of Kubernetes (reference apk.md B9). One that means something only beside
// others is kept as it was put (a DialectObject), and counts for the API that it is for: at once
// where that is there, and as soon as it comes. Pure, thread-safe.
#pragma once

#include <string>

#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/conversion.h"
#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

[[nodiscard]] bool IsResource(const Node& document);
[[nodiscard]] Conversion ConvertResource(const Node& document, const ConvertOptions& options);

// As it is kept: certificates in place of PEM, and its namespace.
[[nodiscard]] Node KeptResource(const Node& document, const KubeName& name,
                                const ConvertOptions& options);

// What an Authentication says for this API, put into it; false: there is none. More than one is
// refused. Warns of one that names the API in another namespace.
bool PutResourceAuthentication(const KubeName& name, const ConvertOptions& options, Conversion* out,
                               v1::Api* api);
// Scopes that nothing could hold anybody to are refused, at `name` of `where`.
void CheckScopes(const Fields& where, absl::string_view name, const v1::Api& api);

}  // namespace sallyport::authsvc::dialects::apk
