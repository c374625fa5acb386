#include "dataplane/route/strict_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/cache/keyed_hash.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::dataplane {

StrictRulePtr MakeStrictRule(StrictRule rule) {
  std::vector<std::string>& ids = rule.trust_bundle_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  cache::KeyBuilder builder;
  builder.Add("strict-client-tls-1").Add(rule.any_issuer ? 1u : 0u).Add(rule.optional ? 1u : 0u);
  builder.Add(rule.max_depth);
  for (const std::string& id : ids) builder.Add(id);
  // A fixed key: the same on every replica.
  rule.version = std::max<uint64_t>(cache::KeyedHash(cache::HashKey{}, builder.View()).low, 1);
  return std::make_shared<const StrictRule>(std::move(rule));
}

std::string ListenerPlace(absl::string_view address, uint16_t port) {
  return absl::StrCat(address.empty() ? "::" : address, "|", port);
}

void StrictTable::Names::Add(const StrictNames& names) {
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

const StrictRulePtr* StrictTable::Names::Find(absl::string_view name) const {
  const auto found = exact.find(name);
  if (found != exact.end()) return &found->second;
  const size_t dot = name.find('.');
  if (!below.empty() && dot != absl::string_view::npos && dot > 0) {
    const auto wildcard = below.find(name.substr(dot + 1));
    if (wildcard != below.end()) return &wildcard->second;
  }
  return whole == nullptr ? nullptr : &whole;
}

StrictTablePtr StrictTable::Make(absl::Span<const StrictListener> listeners) {
  auto table = std::make_shared<StrictTable>();
  for (const StrictListener& listener : listeners) {
    for (const StrictNames& names : listener.strict) {
      table->by_id_[listener.id].Add(names);
      table->by_place_[ListenerPlace(listener.address, listener.port)].Add(names);
    }
  }
  return table->by_id_.empty() ? nullptr : table;
}

const StrictRulePtr* StrictTable::Find(absl::string_view listener_id, absl::string_view place,
                                       absl::string_view name) const {
  const auto of_place = by_place_.find(place);
  if (of_place != by_place_.end()) {
    if (const StrictRulePtr* found = of_place->second.Find(name)) return found;
  }
  const auto of_id = by_id_.find(listener_id);
  return of_id == by_id_.end() ? nullptr : of_id->second.Find(name);
}

}  // namespace sallyport::dataplane
