// "$env://NAME" and "$secret://…" in documents (reference apisix.md A4.2). Private to this folder
// and to whoever fills an Environment.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace sallyport::authsvc::dialects::apisix {

// What of the process's environment documents may name; a name without a value is one that is
// allowed and not set.
using Environment = std::map<std::string, std::string, std::less<>>;

[[nodiscard]] bool IsReference(absl::string_view text);
// `*text` becomes what it refers to; one that is no reference stays. "$env://NAME/member" is that
// member of an object in JSON. INVALID_ARGUMENT says what is wrong and never holds a value.
[[nodiscard]] absl::Status Resolve(const Environment& environment, std::string* text);

}  // namespace sallyport::authsvc::dialects::apisix
