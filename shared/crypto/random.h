// Bytes from OpenSSL's generator. Thread-safe; crashes when the generator cannot be seeded, since
// nothing that needs these bytes can go on without them.
#pragma once

#include <cstddef>
#include <string>

namespace sallyport::crypto {

[[nodiscard]] std::string RandomBytes(size_t count);
// Lower-case hex of `count` random bytes.
[[nodiscard]] std::string RandomHex(size_t count);

}  // namespace sallyport::crypto
