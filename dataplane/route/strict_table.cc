#include "dataplane/route/strict_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/cache/keyed_hash.h"

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

}  // namespace sallyport::dataplane
