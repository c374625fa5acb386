// What counts as a well-formed name where a constraint of its kind applies. Stricter than what is
// taken without constraints: a name that two parsers could read differently is not well formed.
// Pure functions.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

// A host name of LDH labels (and _), without a trailing dot, at most 253 bytes; lower case.
// `wildcard`: the leftmost label may be "*" when another follows.
[[nodiscard]] std::optional<std::string> ReadHost(absl::string_view text, bool wildcard);

struct Mailbox {
  std::string local;  // as written
  std::string host;   // lower case
};
// local@host without quotes, comments or address literals (RFC 5321 4.1.2, Dot-string).
[[nodiscard]] std::optional<Mailbox> ReadMailbox(absl::string_view text);

// The host of a URI by RFC 3986 3.2, lower case. None without an authority, with an IP address,
// with anything that is not a host name.
[[nodiscard]] std::optional<std::string> ReadUriHost(absl::string_view text);

}  // namespace sallyport::authsvc
