// Hosts of APIs, for routing and for SNI: exact > one-label wildcard "*.x" > Tyk's "{name:regex}" >
// none. Immutable after Parse; Matches is thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace re2 {
class RE2;
}

namespace sallyport::domain {

class HostPattern {
 public:
  // In order of precedence: a smaller one wins.
  enum class Kind : uint8_t { kExact, kWildcard, kRegex, kAny };

  // "" is kAny. "host", "*.x" (one label, only the leftmost), or text with "{name}" (one label:
  // [^.]+) and
  // "{name:regex}" parts (RE2, whole host, case-insensitive). No port: that is the listener's.
  [[nodiscard]] static absl::StatusOr<HostPattern> Parse(absl::string_view text);

  // `host` normalised (domain::Host::name). Wildcards never match IP addresses.
  [[nodiscard]] bool Matches(absl::string_view host, bool host_is_ip) const;

  [[nodiscard]] Kind kind() const { return kind_; }
  // kExact: the normalised host; kWildcard: what follows "*."; kRegex: the text as given; else
  // empty.
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  Kind kind_ = Kind::kAny;
  std::string name_;
  std::shared_ptr<const re2::RE2> regex_;
};

}  // namespace sallyport::domain
