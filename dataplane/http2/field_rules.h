// What RFC 9113 8.2 asks of every field, in either direction, and where HTTP/1.1's heads are
// stricter what they are held to. Pure.
#pragma once

#include <array>
#include <cstddef>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {
namespace field_rules {

using Table = std::array<bool, 256>;

constexpr Table MakeToken() {  // RFC 9110 5.6.2
  Table table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = true;
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<size_t>(c)] = true;
  }
  return table;
}

constexpr Table MakeName() {  // the same without capitals
  Table table = MakeToken();
  for (int c = 'A'; c <= 'Z'; ++c) table[static_cast<size_t>(c)] = false;
  return table;
}

constexpr Table MakeValue() {  // as for HTTP/1.1: no control characters but the tab
  Table table{};
  for (size_t c = 0x20; c < 256; ++c) table[c] = c != 0x7f;
  table['\t'] = true;
  return table;
}

inline constexpr Table kToken = MakeToken();
inline constexpr Table kName = MakeName();
inline constexpr Table kValue = MakeValue();

inline bool AllOf(absl::string_view text, const Table& table) {
  for (const char c : text) {
    if (!table[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

inline bool IsBlank(char c) { return c == ' ' || c == '\t'; }

}  // namespace field_rules

inline constexpr size_t kFieldOverhead =
    32;  // of each field in a header list's size: RFC 9113 6.5.2

inline bool IsToken(absl::string_view text) {
  return !text.empty() && field_rules::AllOf(text, field_rules::kToken);
}
// In lower case.
inline bool IsFieldName(absl::string_view name) {
  return !name.empty() && field_rules::AllOf(name, field_rules::kName);
}
inline bool IsFieldByte(char c) { return field_rules::kValue[static_cast<unsigned char>(c)]; }
// Null: fine.
inline const char* CheckFieldValue(absl::string_view value) {
  if (value.empty()) return nullptr;
  if (field_rules::IsBlank(value.front()) || field_rules::IsBlank(value.back()))
    return "blank around a field value";
  return field_rules::AllOf(value, field_rules::kValue) ? nullptr
                                                        : "control character in a field value";
}
// RFC 9113 8.2.2; TE apart. `name` in lower case.
inline bool IsConnectionSpecific(absl::string_view name) {
  switch (name.size()) {
    case 7: return name == "upgrade";
    case 10: return name == "connection" || name == "keep-alive";
    case 16: return name == "proxy-connection";
    case 17: return name == "transfer-encoding";
    default: return false;
  }
}

}  // namespace sallyport::dataplane
