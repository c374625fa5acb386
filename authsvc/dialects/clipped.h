// Pure, thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc::dialects {

// The beginning of a text that quotes what somebody sent, for a message that stays readable.
[[nodiscard]] std::string Clipped(absl::string_view text, size_t most_bytes = 1000);

}  // namespace sallyport::authsvc::dialects
