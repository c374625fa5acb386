// SHA-256 by an algorithm object that is fetched once: the one-shot SHA256() looks it up each time
// (400 ns). Thread-safe; crashes only when OpenSSL has no SHA-256.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::crypto {

using Sha256Digest = std::array<uint8_t, 32>;

[[nodiscard]] Sha256Digest Sha256Array(absl::string_view bytes);
// The same as 32 raw bytes in a string.
[[nodiscard]] std::string Sha256(absl::string_view bytes);

}  // namespace sallyport::crypto
