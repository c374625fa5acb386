// Answers in the form of Tyk's API: JSON bodies that end with a newline. Pure, thread-safe.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "shared/admin_http/message.h"

namespace sallyport::authsvc::admin {

using Json = nlohmann::ordered_json;
using admin_http::Response;

[[nodiscard]] Response JsonAnswer(const Json& body, int status = 200);
// Text that is JSON already.
[[nodiscard]] Response TextAnswer(std::string json);
// {"status":"error","message":…}
[[nodiscard]] Response ErrorAnswer(int status, absl::string_view message);
[[nodiscard]] Response MethodNotSupported();
// {"key":…,"status":"ok","action":…}
[[nodiscard]] Response KeyAnswer(absl::string_view key, absl::string_view action);

// An answer to a write that failed for a reason of the store: 503 with Retry-After, or `otherwise`.
[[nodiscard]] Response WriteFailure(const absl::Status& status, int otherwise,
                                    absl::string_view message);

// One X-Sallyport-Warning header each (at most 20): bodies stay as Tyk's clients expect them.
void AddWarnings(const std::vector<std::string>& warnings, Response* response);

}  // namespace sallyport::authsvc::admin
