// What a data plane of one group may see, and what an organisation may use.
#pragma once

#include <algorithm>
#include <optional>

#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// An API without groups is deployed everywhere; a question without group may see all.
[[nodiscard]] inline bool IsVisible(const v1::Api& api,
                                    const std::optional<absl::string_view>& group) {
  if (!group.has_value() || api.groups().empty()) return true;
  return std::any_of(api.groups().begin(), api.groups().end(),
                     [&](const std::string& name) { return name == *group; });
}

// Whether a resource of `org` may use what belongs to `owner`: its own, what belongs to none, and the gateway
// (no org) any. Held at write time; again here, where a mistake would send one organisation's certificate for
// another.
[[nodiscard]] inline bool MayUse(absl::string_view org, absl::string_view owner) {
  return org.empty() || owner.empty() || org == owner;
}

}  // namespace sallyport::authsvc
