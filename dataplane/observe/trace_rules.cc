#include "dataplane/observe/trace_rules.h"

#include <algorithm>

namespace sallyport::dataplane {

bool TraceRules::Matches(absl::string_view address, absl::string_view leaf_hex,
                         const Identity* identity) const {
  const auto named = [&](absl::string_view name) {
    return !name.empty() &&
           std::find(identities.begin(), identities.end(), name) != identities.end();
  };
  if (named(leaf_hex)) return true;
  if (identity != nullptr && (named(identity->name) || named(identity->key_id))) return true;
  if (addresses.empty()) return false;
  const auto from = ParseAddressRange(address);
  return from.has_value() &&
         std::any_of(addresses.begin(), addresses.end(),
                     [&](const AddressRange& range) { return Contains(range, *from); });
}

TraceRulesPtr TraceRulesFrom(const std::vector<std::string>& clients) {
  if (clients.empty()) return nullptr;
  auto rules = std::make_shared<TraceRules>();
  for (const std::string& text : clients) {
    if (const auto range = ParseAddressRange(text)) {
      rules->addresses.push_back(*range);
    } else {
      rules->identities.push_back(text);
    }
  }
  return rules;
}

}  // namespace sallyport::dataplane
