// Bytes as "%XX". Private to this folder.
#pragma once

#include <string>

namespace sallyport::header {

[[nodiscard]] inline bool IsPrintable(char c) { return c >= 0x20 && c < 0x7f; }

inline void AppendPercent(char c, std::string* out) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  out->push_back('%');
  out->push_back(kDigits[byte >> 4]);
  out->push_back(kDigits[byte & 15]);
}

// Below zero: not a hexadecimal digit.
[[nodiscard]] inline int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

}  // namespace sallyport::header
