// Names of HTTP/2's error codes, for logs and metrics. Pure.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// "PROTOCOL_ERROR" and the like; "other" for what is not of RFC 9113 7.
[[nodiscard]] absl::string_view Http2ErrorName(uint32_t code);

}  // namespace sallyport::dataplane
