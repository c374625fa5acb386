// Keys of domain maps (DESIGN 7): "*", "host", "host:port", "*.x", "a.*.x:port". `*` is a whole
// label, anywhere. What is refused says what to write instead. Immutable values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::domain {

struct Pattern {
  enum class Kind : uint8_t { kDefault, kHost, kWildcard };
  Kind kind = Kind::kDefault;
  bool is_ip = false;
  uint16_t port = 0;  // 0: every port
  std::string name;   // normalised host, `*` for wildcard labels; "*" for kDefault

  // As it would be written: IPv6 in brackets when there is a port.
  [[nodiscard]] std::string ToString() const;
  bool operator==(const Pattern&) const = default;
};

[[nodiscard]] absl::StatusOr<Pattern> ParsePattern(absl::string_view key);

// "a.b" has two. "" has none.
[[nodiscard]] size_t LabelCount(absl::string_view name);

}  // namespace sallyport::domain
