// What holds for server names of listeners: of several entries the most specific one (exact, "*.x",
// the whole listener). Immutable, thread-safe.
//
// A listener of this machine's file is meant by the rules that authsvc has for its id, and by those
// for a listener at its address and port: a file that takes a listener's place does not take its
// rules away. One without a port is opened nowhere: what it has holds everywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::dataplane {

// Where a listener is; what listeners of the same place have in common.
[[nodiscard]] std::string ListenerPlace(absl::string_view address, uint16_t port);

template <typename Rule>
class ServerNameTable {
 public:
  using RulePtr = std::shared_ptr<const Rule>;
  // Server names as written ("host", "*.x"; none: all of the listener) and their rule.
  struct Names {
    std::vector<std::string> server_names;
    RulePtr rule;
  };
  struct Listener {
    std::string id;
    std::string address;  // empty: "::"
    uint16_t port = 0;
    absl::Span<const Names> names;
  };

  // Null when no listener has a rule. A name that cannot be read holds for the whole listener: what
  // was meant to be strict is.
  [[nodiscard]] static std::shared_ptr<const ServerNameTable> Make(
      absl::Span<const Listener> listeners) {
    auto table = std::make_shared<ServerNameTable>();
    for (const Listener& listener : listeners) {
      for (const Names& names : listener.names) {
        if (listener.port == 0) table->everywhere_.Add(names);
        table->by_id_[listener.id].Add(names);
        table->by_place_[ListenerPlace(listener.address, listener.port)].Add(names);
      }
    }
    return table->by_id_.empty() ? nullptr : table;
  }

  // `name`: an SNI or host in lower case, without trailing dot; "": none. Null: no rule.
  [[nodiscard]] const RulePtr* Find(absl::string_view listener_id, absl::string_view place,
                                    absl::string_view name) const {
    const auto of_place = by_place_.find(place);
    if (of_place != by_place_.end()) {
      if (const RulePtr* found = of_place->second.Find(name)) return found;
    }
    const auto of_id = by_id_.find(listener_id);
    return of_id == by_id_.end() ? nullptr : of_id->second.Find(name);
  }

  // What holds at every listener, beside what is found for it.
  [[nodiscard]] const RulePtr* Everywhere(absl::string_view name) const {
    return everywhere_.Find(name);
  }

 private:
  struct OfListener {
    absl::flat_hash_map<std::string, RulePtr> exact, below;  // "x" of "*.x"
    RulePtr whole;

    [[nodiscard]] const RulePtr* Find(absl::string_view name) const {
      const auto found = exact.find(name);
      if (found != exact.end()) return &found->second;
      const size_t dot = name.find('.');
      if (!below.empty() && dot != absl::string_view::npos && dot > 0) {
        const auto wildcard = below.find(name.substr(dot + 1));
        if (wildcard != below.end()) return &wildcard->second;
      }
      return whole == nullptr ? nullptr : &whole;
    }

    void Add(const Names& names) {
      if (names.server_names.empty()) whole = names.rule;
      for (const std::string& text : names.server_names) {
        using Kind = domain::HostPattern::Kind;
        const auto pattern = domain::HostPattern::Parse(text);
        if (pattern.ok() && pattern->kind() == Kind::kExact) {
          exact[pattern->name()] = names.rule;
        } else if (pattern.ok() && pattern->kind() == Kind::kWildcard) {
          below[pattern->name()] = names.rule;
        } else {
          whole = names.rule;
        }
      }
    }
  };
  absl::flat_hash_map<std::string, OfListener> by_id_, by_place_;
  OfListener everywhere_;
};

}  // namespace sallyport::dataplane
