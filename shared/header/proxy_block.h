// Blocks of addresses whose owners may speak for others. Pure, thread-safe.
#pragma once

#include <array>
#include <cstdint>

namespace sallyport::header {

// A block so wide that it names no proxies: shorter than /8 of IPv4 or /7 of IPv6, that is more
// than the widest private ones (RFC 1918, RFC 4193), or one of IPv6 with all of IPv4 in it. IPv4 is
// ::ffff:a.b.c.d, `prefix` counts the bits of that form.
[[nodiscard]] bool IsNearlyEverybody(const std::array<uint8_t, 16>& address, unsigned prefix);

}  // namespace sallyport::header
