// UTF-8 (RFC 3629: shortest form, no surrogates, nothing beyond U+10FFFF). Pure, thread-safe.
#pragma once

#include <cstddef>

#include "absl/strings/string_view.h"

namespace sallyport::base {

// Bytes of the sequence of several bytes at the beginning of `text`, which is not empty; 0: there
// is none, or one byte.
[[nodiscard]] size_t Utf8Length(absl::string_view text);

[[nodiscard]] bool IsUtf8(absl::string_view text);

}  // namespace sallyport::base
