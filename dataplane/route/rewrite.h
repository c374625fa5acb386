// Where a request goes in place of its own path. Pure, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/route/endpoint.h"

namespace sallyport::dataplane {

// What rewrites look at. `path` is normalised, both as they would be forwarded.
struct RewriteQuestion {
  absl::string_view path;
  absl::string_view query;                                         // without '?'
  absl::Span<const std::pair<std::string, std::string>> metadata;  // of the caller's key
};
// Calls `see` with each value of a header, whatever its case, until that returns true.
using HeaderValues =
    absl::FunctionRef<void(absl::string_view name, absl::FunctionRef<bool(absl::string_view)> see)>;

struct Rewritten {
  const RouteTarget* server = nullptr;  // in the rule; null: the API's own targets
  std::string path;                     // begins with '/', not normalised
  std::string query;
};

// Nothing: the request goes on as it is.
[[nodiscard]] std::optional<Rewritten> RewriteTo(const RewriteRule& rule,
                                                 const RewriteQuestion& question,
                                                 HeaderValues headers);

}  // namespace sallyport::dataplane
