// The request target of RFC 9112 §3.2.1 (origin-form), taken apart. Pure, thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "shared/admin_http/message.h"

namespace sallyport::admin_http {

struct Target {
  std::string path;  // decoded, without trailing slashes; "/" itself stays
  NameValues query;
};

// False: not origin-form, a bad percent escape, or a control character once decoded.
[[nodiscard]] bool ParseTarget(absl::string_view text, Target* target);

}  // namespace sallyport::admin_http
