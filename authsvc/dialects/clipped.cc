#include "authsvc/dialects/clipped.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects {
namespace {

// Of a character in UTF-8 all but its first byte.
bool Continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

std::string Clipped(absl::string_view text, size_t most_bytes) {
  if (text.size() <= most_bytes) return std::string(text);
  size_t end = most_bytes;
  while (end > 0 && Continues(text[end])) --end;
  return absl::StrCat(text.substr(0, end), "… (", text.size() - end, " more bytes)");
}

}  // namespace sallyport::authsvc::dialects
