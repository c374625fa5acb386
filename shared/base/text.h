// Views of text: conversions between absl::string_view (ours; Debian's is not std::string_view) and
// the standard library's, and the encodings that the whole tree uses. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::base {

inline std::string_view ToStd(absl::string_view text) { return {text.data(), text.size()}; }
inline absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }
// For Beast's and Boost's string_view and anything else with data() and size().
template <typename View>
absl::string_view ViewOf(const View& view) {
  return {view.data(), view.size()};
}

// Lower-case hexadecimal.
[[nodiscard]] std::string Hex(absl::string_view bytes);
// Either case, even length, nothing else.
[[nodiscard]] absl::StatusOr<std::string> FromHex(absl::string_view hex);
[[nodiscard]] bool IsHex(absl::string_view text);

// JSON string with quotes; control characters and invalid UTF-8 are escaped (U+FFFD), never copied.
[[nodiscard]] std::string JsonQuote(absl::string_view text);
void AppendJsonQuoted(absl::string_view text, std::string* out);
// The same into memory with room for MostJsonQuoted(text.size()) bytes; returns the end of what was
// written.
[[nodiscard]] constexpr size_t MostJsonQuoted(size_t size) { return 6 * size + 2; }
[[nodiscard]] char* WriteJsonQuoted(absl::string_view text, char* out);

// Compares in time that depends on the lengths only: for secrets.
[[nodiscard]] bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace sallyport::base
