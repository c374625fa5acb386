// Texts that are looked at in blocks of bytes. Pure.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// Sixteen bytes that the compiler keeps in one register, and the same as words.
typedef unsigned char Bytes16 __attribute__((vector_size(16)));
typedef uint64_t Words2 __attribute__((vector_size(16)));

// Printable ASCII and blanks alone: no control character, no tab, nothing above 0x7e.
[[nodiscard]] bool IsPrintable(absl::string_view text);

}  // namespace sallyport::dataplane
