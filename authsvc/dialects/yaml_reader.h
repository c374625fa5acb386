// The YAML side of ReadDocuments.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/dialects/node.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::dialects {

// The size was checked. Merge keys (<<), complex keys and tags other than the core schema's are
// refused.
[[nodiscard]] absl::StatusOr<std::vector<Node>> ReadYaml(absl::string_view text,
                                                         const ReadLimits& limits);

}  // namespace sallyport::authsvc::dialects
