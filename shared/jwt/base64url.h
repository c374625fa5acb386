// base64url as JOSE has it (RFC 7515 section 2, RFC 4648 section 5): no padding, no blanks, one
// encoding per value. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::jwt {

// Nothing for any other character, for padding, for a length that no bytes have, and for unused
// bits that are not zero: two texts never mean the same bytes.
[[nodiscard]] std::optional<std::string> DecodeBase64Url(absl::string_view text);
[[nodiscard]] std::string EncodeBase64Url(absl::string_view bytes);

}  // namespace sallyport::jwt
