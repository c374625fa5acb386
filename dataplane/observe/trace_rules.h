// Of whose requests a line is logged that says what each phase did (event "trace"). Values,
// immutable once made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"
#include "dataplane/sync/decision.h"

namespace sallyport::dataplane {

struct TraceRules {
  std::vector<AddressRange> addresses;
  std::vector<std::string> identities;  // names, key ids, or the hex SHA-256 of a leaf

  [[nodiscard]] bool Matches(absl::string_view address, absl::string_view leaf_hex,
                             const Identity* identity) const;
};
// Null: nobody's.
using TraceRulesPtr = std::shared_ptr<const TraceRules>;

// `clients`: addresses, CIDR blocks, and whatever else is an identity.
[[nodiscard]] TraceRulesPtr TraceRulesFrom(const std::vector<std::string>& clients);

}  // namespace sallyport::dataplane
