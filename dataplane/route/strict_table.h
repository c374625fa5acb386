// At which server names of which listeners client certificates are validated within the handshake
// (strict mode, DESIGN 2.2), and by which rule. Immutable, thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/route/server_name_table.h"

namespace sallyport::dataplane {

struct StrictRule {
  std::vector<std::string> trust_bundle_ids;  // who may have issued, each once, sorted
  bool any_issuer = false;                    // in place of bundles: the leaf alone is looked at
  bool optional = false;                      // no certificate is fine
  uint32_t max_depth = 0;                     // 0: the profile's limit
  // Of all above; the same on every replica, never 0. Part of the version of the client-TLS
  // settings.
  uint64_t version = 0;
};
using StrictRulePtr = std::shared_ptr<const StrictRule>;
// With the rest in order and its version.
[[nodiscard]] StrictRulePtr MakeStrictRule(StrictRule rule);

// The version of client-TLS settings of which `version` says all but the strictness.
[[nodiscard]] inline uint64_t WithStrictness(uint64_t version, const StrictRule* rule) {
  return rule == nullptr ? version : version ^ rule->version;
}

using StrictTable = ServerNameTable<StrictRule>;
using StrictNames = StrictTable::Names;
using StrictListener = StrictTable::Listener;
using StrictTablePtr = std::shared_ptr<const StrictTable>;

}  // namespace sallyport::dataplane
