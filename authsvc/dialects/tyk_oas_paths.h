// Paths of an OpenAPI document: "{id}" is one segment or a part of one, all else is text. Pure.
// Private to this folder.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc::dialects {

// What matches the path alone, without anchors; nothing in it is read as an expression.
[[nodiscard]] std::string OasPathRegex(absl::string_view path);

// What comes first of two paths: at the first segment that differs in kind, text before a mixture,
// and that before a parameter; a longer path before its beginning; then what has more text.
struct OasPathOrder {
  std::vector<uint8_t> kinds;
  size_t without_text = 0;

  explicit OasPathOrder(absl::string_view path);
  bool operator<(const OasPathOrder& other) const {
    return std::tie(kinds, without_text) < std::tie(other.kinds, other.without_text);
  }
};

// Whether some request's path may be both; of two mixtures it is not looked at which.
[[nodiscard]] bool OasPathsMeet(absl::string_view a, absl::string_view b, bool any_case);

}  // namespace sallyport::authsvc::dialects
