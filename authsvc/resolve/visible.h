// What a data plane of one group may see.
#pragma once

#include <algorithm>
#include <optional>

#include "absl/strings/string_view.h"
#include "authsvc/snapshot/may_use.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// An API without groups is deployed everywhere; a question without group may see all.
[[nodiscard]] inline bool IsVisible(const v1::Api& api,
                                    const std::optional<absl::string_view>& group) {
  if (!group.has_value() || api.groups().empty()) return true;
  return std::any_of(api.groups().begin(), api.groups().end(),
                     [&](const std::string& name) { return name == *group; });
}

}  // namespace sallyport::authsvc
