// Finds the end of a head line by line, and refuses on the way what parsers read differently: a
// line feed without carriage return, and folded lines. Pure.
#pragma once

#include <cstddef>
#include <cstring>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

struct HeadEnd {
  enum class Kind : uint8_t { kIncomplete, kFound, kBareLineFeed, kFold };
  Kind kind = Kind::kIncomplete;
  size_t end = 0;  // kFound: behind the blank line
};

// `*line_start` is where the line begins that was not complete yet: pass it again when more bytes
// came.
inline HeadEnd FindHeadEnd(absl::string_view bytes, size_t* line_start) {
  using Kind = HeadEnd::Kind;
  size_t start = *line_start;
  while (start < bytes.size()) {
    // The first line cannot be a continuation.
    if (start > 0 && (bytes[start] == ' ' || bytes[start] == '\t')) return {Kind::kFold, 0};
    const void* found = std::memchr(bytes.data() + start, '\n', bytes.size() - start);
    if (found == nullptr) break;
    const size_t feed = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    if (feed == start || bytes[feed - 1] != '\r') return {Kind::kBareLineFeed, 0};
    if (feed == start + 1) return {Kind::kFound, feed + 1};
    start = feed + 1;
  }
  *line_start = start;
  return {};
}

}  // namespace sallyport::dataplane
