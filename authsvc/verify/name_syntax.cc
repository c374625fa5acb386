#include "authsvc/verify/name_syntax.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc {
namespace {

bool IsAlnum(char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(),
                     [](char c) { return IsAlnum(c) || c == '-' || c == '_'; });
}

bool IsAtom(absl::string_view atom) {
  return !atom.empty() && std::all_of(atom.begin(), atom.end(), [](char c) {
    return IsAlnum(c) || absl::StrContains("!#$%&'*+-/=?^_`{|}~", absl::string_view(&c, 1));
  });
}

// "1", "0x7f": the last label of something that a resolver may take for an IPv4 address.
bool LooksLikeAddress(absl::string_view host) {
  const absl::string_view last = host.substr(host.rfind('.') + 1);
  return std::all_of(last.begin(), last.end(), IsDigit) || absl::StartsWith(last, "0x");
}

bool IsScheme(absl::string_view scheme) {
  return !scheme.empty() && absl::ascii_isalpha(static_cast<unsigned char>(scheme[0])) &&
         std::all_of(scheme.begin(), scheme.end(),
                     [](char c) { return IsAlnum(c) || c == '+' || c == '-' || c == '.'; });
}

}  // namespace

std::optional<std::string> ReadHost(absl::string_view text, bool wildcard) {
  if (text.empty() || text.size() > 253) return std::nullopt;
  absl::string_view labels = text;
  if (wildcard) absl::ConsumePrefix(&labels, "*.");
  for (absl::string_view label : absl::StrSplit(labels, '.')) {
    if (!IsLabel(label)) return std::nullopt;
  }
  return absl::AsciiStrToLower(text);
}

std::optional<Mailbox> ReadMailbox(absl::string_view text) {
  const size_t at = text.find('@');
  if (at == absl::string_view::npos || text.rfind('@') != at) return std::nullopt;
  const absl::string_view local = text.substr(0, at);
  if (local.size() > 64) return std::nullopt;
  for (absl::string_view atom : absl::StrSplit(local, '.')) {
    if (!IsAtom(atom)) return std::nullopt;
  }
  std::optional<std::string> host = ReadHost(text.substr(at + 1), false);
  if (!host) return std::nullopt;
  return Mailbox{std::string(local), *std::move(host)};
}

std::optional<std::string> ReadUriHost(absl::string_view text) {
  const size_t colon = text.find(':');
  if (colon == absl::string_view::npos || !IsScheme(text.substr(0, colon))) return std::nullopt;
  absl::string_view rest = text.substr(colon + 1);
  if (!absl::ConsumePrefix(&rest, "//")) return std::nullopt;
  absl::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (const size_t at = authority.find('@'); at != absl::string_view::npos) {
    authority.remove_prefix(at + 1);  // a second @ is not a host character
  }
  if (const size_t port = authority.find(':'); port != absl::string_view::npos) {
    const absl::string_view digits = authority.substr(port + 1);
    if (!std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
    authority = authority.substr(0, port);
  }
  std::optional<std::string> host = ReadHost(authority, false);
  if (!host || LooksLikeAddress(*host)) return std::nullopt;
  return host;
}

}  // namespace sallyport::authsvc
