// A resource as it is stored, whatever dialect it came by: `kind: Stored`, what a line of an export
// is. `resource` has its body in protobuf's JSON mapping, `dialect`, `set` and `document` are as
// they were, so that it is read back in its own dialect; `secrets` (in Base64, by the names of
// authsvc/change/secret_names.h) are what the store is to seal. Pure, thread-safe.
#pragma once

#include <map>
#include <string>

#include "authsvc/dialects/conversion.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] bool IsStored(const Node& document);
[[nodiscard]] Conversion ConvertStored(const Node& document, const ConvertOptions& options);

// The document of `resource` (which holds no secrets), with `secrets`: a member of that name and
// what stands there, both JSON; empty: none. NotFound: it has no body.
[[nodiscard]] absl::StatusOr<std::string> StoredJson(const v1::Resource& resource,
                                                     absl::string_view member,
                                                     absl::string_view secrets);

}  // namespace sallyport::authsvc::dialects
