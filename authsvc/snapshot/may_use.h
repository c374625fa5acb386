// Which organisation may use what. Pure.
#pragma once

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

// Whether a resource of `org` may use what belongs to `owner`: its own, what belongs to none, and
// the gateway (no org) any. Held at write time; and again wherever a reference is used, since a
// record may have been written by another process or an older version.
[[nodiscard]] inline bool MayUse(absl::string_view org, absl::string_view owner) {
  return org.empty() || owner.empty() || org == owner;
}

}  // namespace sallyport::authsvc
