#include "dataplane/tls/client_hello.h"

#include "absl/strings/ascii.h"

namespace sallyport::dataplane {
namespace {

size_t Uint16At(absl::string_view bytes, size_t at) {
  return static_cast<size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
         static_cast<unsigned char>(bytes[at + 1]);
}

bool IsNameChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_';
}

}  // namespace

bool ParseServerName(absl::string_view extension, std::string* sni) {
  // list length (2), type (1) = host_name (0), name length (2), name
  if (extension.size() < 6 || Uint16At(extension, 0) != extension.size() - 2) return false;
  if (extension[2] != 0 || Uint16At(extension, 3) != extension.size() - 5) return false;
  absl::string_view name = extension.substr(5);
  if (name.size() > 255) return false;
  if (name.back() == '.') name.remove_suffix(1);
  if (name.empty()) return false;
  for (const char c : name) {
    if (!IsNameChar(c)) return false;
  }
  sni->assign(name.data(), name.size());
  absl::AsciiStrToLower(sni);
  return true;
}

}  // namespace sallyport::dataplane
