// The form of a request id, wherever one comes from: X-Request-Id of a trusted proxy, an operator's
// question. Pure, thread-safe.
#pragma once

#include "absl/strings/string_view.h"

namespace sallyport::base {

// 1 to 64 characters of [A-Za-z0-9._-].
[[nodiscard]] bool IsRequestId(absl::string_view text);

}  // namespace sallyport::base
