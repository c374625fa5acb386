// Path normalisation, once, before routing: what is matched is what is forwarded.
// Escapes of characters that a path may hold as they are and that separate nothing in it
// (unreserved and
// "!$'()*,:@") are decoded, so that rules see what upstreams see; other escapes get upper-case
// digits, dot segments are removed (RFC 3986 5.2.4, never above the root), runs of slashes become
// one. An encoded slash or backslash stays encoded data. Refused: a broken escape, %00, a raw
// backslash, and what other servers read as a dot segment behind an encoding ("..%2F", "%5C..",
// "..;x"). Pure; thread-safe.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// `raw` starts with '/' (or is "*"). False: refuse with kBadRequest. `out` is overwritten.
[[nodiscard]] bool NormalizePath(absl::string_view raw, std::string* out);

}  // namespace sallyport::dataplane
