// The refusal of a value by the write-time checks.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sallyport::authsvc {

template <typename... Parts>
absl::Status Invalid(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

}  // namespace sallyport::authsvc
