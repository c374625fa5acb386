// Cross-origin requests (Fetch standard 3.2, "CORS protocol"): what a browser is told about an API
// with CORS on. The rules of the API alone count: whatever an upstream says of it is taken off its
// answers. Pure; thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/head.h"
#include "dataplane/route/route.h"  // CorsRules

namespace sallyport::dataplane {

using OwnFields = std::vector<std::pair<std::string, std::string>>;

// A question before the request itself, which carries no credential: OPTIONS with an origin and the
// method that would follow.
[[nodiscard]] bool IsPreflight(absl::string_view method, const HeaderFields& fields);
// For the answer to a preflight. One that the rules do not allow gets nothing but Vary: the browser
// refuses.
[[nodiscard]] OwnFields PreflightFields(const CorsRules& rules, const HeaderFields& fields);
// For any other answer, refusals too; nothing for requests without an origin, but Vary.
[[nodiscard]] OwnFields CorsFields(const CorsRules& rules, const HeaderFields& fields);
// Lower-case names that only the gateway sets where CORS is on.
[[nodiscard]] absl::Span<const absl::string_view> CorsAnswerNames();

}  // namespace sallyport::dataplane
