// Host names as they are compared everywhere: lower case, IDNA A-labels (IDNA 2008 with UTS #46
// mapping, by libidn2), no trailing dot; IPv4 as four decimal numbers; IPv6 in the form of RFC
// 5952, no brackets. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::domain {

struct Host {
  std::string name;    // normalised
  bool is_ip = false;  // IPv4 or IPv6 literal
  bool operator==(const Host&) const = default;
};

struct HostPort {
  Host host;
  uint16_t port = 0;  // 0: none was written
};

// A host without port. IPv6 with or without brackets; a zone id is refused. Names that could be
// read as an address in another notation (1.2.3, 0x7f.1) are refused: they are never a host name.
[[nodiscard]] absl::StatusOr<Host> ParseHost(absl::string_view text);

// `host`, `host:port`, `[v6]`, `[v6]:port`, or a bare IPv6 address (all of its colons are the
// address's).
[[nodiscard]] absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// 1 to 65535, digits only, no leading zero.
[[nodiscard]] absl::StatusOr<uint16_t> ParsePort(absl::string_view text);

// True, without allocation, when `text` is a name exactly as ParseHost returns it for the plain
// cases: lower-case letters, digits, '-', '_', '.'; no trailing dot, not an address.
[[nodiscard]] bool IsNormalName(absl::string_view text);

}  // namespace sallyport::domain
