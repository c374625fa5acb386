// The public key of an X25519 private key (RFC 7748 5, 6.1), for keys that are made anew for each
// handshake: by the fixed-base multiplication of the Edwards form of the curve, which takes half of
// the time of OpenSSL 3.0's. Thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace sallyport::dataplane {

constexpr size_t kX25519Bytes = 32;
using X25519Bytes = std::array<uint8_t, kX25519Bytes>;

// Whether libsodium can be used. Asked once, before X25519PublicOf.
[[nodiscard]] bool X25519Ready();

// In constant time where the secret counts. Clamps as the RFC says. False: no point, never with a
// secret of random bytes.
[[nodiscard]] bool X25519PublicOf(const X25519Bytes& secret, X25519Bytes* public_key);

}  // namespace sallyport::dataplane
