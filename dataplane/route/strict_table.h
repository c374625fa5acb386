// At which server names of which listeners client certificates are validated within the handshake
// (strict mode, DESIGN 2.2), and by which rule. Immutable, thread-safe.
//
// A listener of this machine's file is meant by the rules that authsvc has for its id, and by those
// for a listener at its address and port: a file that takes a listener's place does not take its
// strictness away.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

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

// Server names as written ("host", "*.x"; none: all of the listener) and their rule.
struct StrictNames {
  std::vector<std::string> server_names;
  StrictRulePtr rule;
};
struct StrictListener {
  std::string id;
  std::string address;  // empty: "::"
  uint16_t port = 0;
  absl::Span<const StrictNames> strict;
};

// Where a listener is; what listeners of the same place have in common.
[[nodiscard]] std::string ListenerPlace(absl::string_view address, uint16_t port);

class StrictTable {
 public:
  // Null when no listener has a rule. A name that cannot be read holds for the whole listener: what
  // was meant to be strict is.
  [[nodiscard]] static std::shared_ptr<const StrictTable> Make(
      absl::Span<const StrictListener> listeners);

  // `name`: an SNI or host in lower case, without trailing dot; "": none. Null: not strict.
  [[nodiscard]] const StrictRulePtr* Find(absl::string_view listener_id, absl::string_view place,
                                          absl::string_view name) const;

 private:
  struct Names {
    absl::flat_hash_map<std::string, StrictRulePtr> exact, below;  // "x" of "*.x"
    StrictRulePtr whole;
    [[nodiscard]] const StrictRulePtr* Find(absl::string_view name) const;
    void Add(const StrictNames& names);
  };
  absl::flat_hash_map<std::string, Names> by_id_, by_place_;
};
using StrictTablePtr = std::shared_ptr<const StrictTable>;

}  // namespace sallyport::dataplane
