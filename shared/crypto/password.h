// Hashes of passwords that people chose, as crypt(3) writes them: slow on purpose, so that whoever
// reads the store cannot guess them. Thread-safe; every call but CheckPasswordHash takes tens of
// milliseconds of CPU and some megabytes.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::crypto {

inline constexpr size_t kMostPasswordBytes = 512;  // CRYPT_MAX_PASSPHRASE_SIZE

// A new hash (yescrypt, libxcrypt's own cost) with a random salt. InvalidArgument: empty, too long,
// or with a NUL.
[[nodiscard]] absl::StatusOr<std::string> HashPassword(absl::string_view password);

// False also for a hash that CheckPasswordHash refuses, and for a password that the hash does not
// take whole (bcrypt: over 72 bytes). Compares in constant time.
[[nodiscard]] bool VerifyPassword(absl::string_view password, absl::string_view hash);

// Hashes that may be brought from elsewhere: bcrypt ($2a$, $2b$, $2y$) of cost 8 to 14, and ours. A
// lower cost is guessed too easily, a higher one keeps the CPU busy for whoever asks.
[[nodiscard]] absl::Status CheckPasswordHash(absl::string_view hash);

}  // namespace sallyport::crypto
