// Text -> trees. JSON, or YAML with several documents; told apart by the first character. Bounded
// against hostile input: size, depth, number of values (aliases are expanded and counted),
// duplicate names are refused. Pure, thread-safe.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/dialects/node.h"

namespace sallyport::authsvc::dialects {

struct ReadLimits {
  size_t max_bytes = 8 * 1024 * 1024;
  int max_depth = 64;
  size_t max_values = 500'000;  // over all documents of one text
};

// Empty documents are left out. Errors: kInvalidArgument "line N: what"; a plain YAML scalar is
// null, bool, number or string by YAML 1.2's core schema (so `yes` and `on` are strings).
[[nodiscard]] absl::StatusOr<std::vector<Node>> ReadDocuments(absl::string_view text,
                                                              const ReadLimits& limits = {});
// One JSON value and nothing after it.
[[nodiscard]] absl::StatusOr<Node> ReadJson(absl::string_view text, const ReadLimits& limits = {});

}  // namespace sallyport::authsvc::dialects
