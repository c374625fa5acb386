// "Did you mean": near misses among known names. Pure, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace sallyport::authsvc::dialects {

// Equal but for case, blanks, '-' against '_', or one inserted, lost, changed or swapped letter.
[[nodiscard]] bool OneTypoAway(absl::string_view name, absl::string_view known);

// The known name that `name` was probably meant to be (up to a third of its letters differ); empty:
// none.
[[nodiscard]] absl::string_view Nearest(absl::string_view name,
                                        absl::Span<const absl::string_view> known);

// "; did you mean \"x\"?" or "".
[[nodiscard]] std::string DidYouMean(absl::string_view name,
                                     absl::Span<const absl::string_view> known);

}  // namespace sallyport::authsvc::dialects
