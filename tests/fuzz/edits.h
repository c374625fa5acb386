// A good value with edits that the fuzzer chose: bytes replaced, inserted or cut out. Gets deeper
// than bytes from nothing, without a corpus that could expire.
#pragma once

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::fuzz {

// Four bytes an edit: what, position (2, scaled), value.
inline std::string Edited(std::string good, absl::string_view edits) {
  for (; edits.size() >= 4 && !good.empty(); edits.remove_prefix(4)) {
    const size_t high = static_cast<unsigned char>(edits[1]);
    const size_t low = static_cast<unsigned char>(edits[2]);
    const size_t at = (high << 8 | low) % good.size();
    const auto value = static_cast<unsigned char>(edits[3]);
    switch (static_cast<unsigned char>(edits[0]) % 4) {
      case 0: good[at] = static_cast<char>(value); break;
      case 1: good.insert(at, 1, static_cast<char>(value)); break;
      case 2: good.erase(at, 1 + value % 8); break;
      default: good[at] = static_cast<char>(good[at] ^ (1 << (value % 8))); break;
    }
  }
  return good;
}

}  // namespace sallyport::fuzz
