// The operations that a version lists. Pure; only for this folder.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Paths that are templates, methods, no operation twice, scopes only where a token is read.
[[nodiscard]] absl::Status CheckOperations(absl::string_view what, const v1::Api& api,
                                           const v1::ApiVersion& version);

}  // namespace sallyport::authsvc
