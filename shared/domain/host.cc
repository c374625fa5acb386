#include "shared/domain/host.h"

#include <arpa/inet.h>
#include <idn2.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace sallyport::domain {
namespace {

constexpr size_t kMaxName = 253;
constexpr size_t kMaxLabel = 63;

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", absl::CHexEscape(text), "\": ", why));
}

bool IsAscii(absl::string_view text) {
  for (char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

bool IsNameChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
}

bool AllDigits(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return !text.empty();
}

// Whether software reads a name with this last label as an IPv4 address (WHATWG URL, inet_aton).
bool LooksNumeric(absl::string_view name) {
  const size_t dot = name.rfind('.');
  absl::string_view last = dot == absl::string_view::npos ? name : name.substr(dot + 1);
  if (AllDigits(last)) return true;
  if (!absl::ConsumePrefix(&last, "0x")) return false;
  for (char c : last) {
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

absl::StatusOr<Host> ParseIpv6(absl::string_view text) {
  if (absl::StrContains(text, '%'))
    return Bad(text, "an address with a zone id cannot be used here");
  in6_addr address{};
  char canonical[INET6_ADDRSTRLEN];
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1 ||
      inet_ntop(AF_INET6, &address, canonical, sizeof(canonical)) == nullptr) {
    return Bad(text, "not an IPv6 address (a host with a port is written host:port or [v6]:port)");
  }
  return Host{canonical, true};
}

absl::StatusOr<Host> ParseIpv4(absl::string_view text) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(text).c_str(), &address) != 1) {
    return Bad(text,
               "not an IPv4 address in the form 192.0.2.1, and no host name ends in a number");
  }
  return Host{std::string(text), true};
}

absl::Status CheckLabels(absl::string_view original, absl::string_view name) {
  if (name.empty()) return Bad(original, "a host is empty");
  if (name.size() > kMaxName) return Bad(original, "a host name has at most 253 characters");
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (label.empty()) return Bad(original, "a host name has an empty label");
    if (label.size() > kMaxLabel) return Bad(original, "a label has at most 63 characters");
    for (char c : label) {
      if (!IsNameChar(c))
        return Bad(original, "a host name has letters, digits, '-', '_' and '.' only");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Host> ParseAsciiName(absl::string_view original, absl::string_view text) {
  std::string name = absl::AsciiStrToLower(text);
  if (absl::EndsWith(name, ".")) name.pop_back();
  if (const absl::Status status = CheckLabels(original, name); !status.ok()) return status;
  if (LooksNumeric(name)) return ParseIpv4(name);
  return Host{std::move(name), false};
}

absl::StatusOr<std::string> ToAscii(absl::string_view text) {
  if (absl::StrContains(text, '\0')) return Bad(text, "a host name has a NUL byte");
  uint8_t* result = nullptr;
  const std::string copy(text);
  const int code = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(copy.c_str()), &result,
                                  IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (code != IDN2_OK) {
    return Bad(text, absl::StrCat("not an international domain name: ", idn2_strerror(code)));
  }
  std::string ascii(reinterpret_cast<const char*>(result));
  idn2_free(result);
  return ascii;
}

}  // namespace

absl::StatusOr<Host> ParseHost(absl::string_view text) {
  if (absl::StartsWith(text, "[")) {
    if (!absl::EndsWith(text, "]")) return Bad(text, "'[' without ']' at the end");
    return ParseIpv6(text.substr(1, text.size() - 2));
  }
  if (absl::StrContains(text, ':')) return ParseIpv6(text);
  if (IsAscii(text)) return ParseAsciiName(text, text);
  auto ascii = ToAscii(text);
  if (!ascii.ok()) return ascii.status();
  return ParseAsciiName(text, *ascii);
}

absl::StatusOr<uint16_t> ParsePort(absl::string_view text) {
  uint32_t port = 0;
  if (!AllDigits(text) || text[0] == '0' || text.size() > 5 || !absl::SimpleAtoi(text, &port) ||
      port > 65535) {
    return Bad(text, "a port is a number from 1 to 65535");
  }
  return static_cast<uint16_t>(port);
}

absl::StatusOr<HostPort> ParseHostPort(absl::string_view text) {
  absl::string_view host = text;
  absl::string_view port;
  const size_t colon = text.rfind(':');
  const bool bracketed = absl::StartsWith(text, "[");
  const bool one_colon = colon != absl::string_view::npos && text.find(':') == colon;
  if (bracketed ? absl::StrContains(text, "]:") : one_colon) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return Bad(text, "the port after ':' is missing");
  }
  HostPort result;
  auto parsed = ParseHost(host);
  if (!parsed.ok()) return parsed.status();
  result.host = *std::move(parsed);
  if (port.empty()) return result;
  const auto number = ParsePort(port);
  if (!number.ok()) return number.status();
  result.port = *number;
  return result;
}

bool IsNormalName(absl::string_view text) {
  if (text.empty() || text.size() > kMaxName) return false;
  size_t label = 0;
  for (char c : text) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    if (!IsNameChar(c) || absl::ascii_isupper(static_cast<unsigned char>(c))) return false;
    if (++label > kMaxLabel) return false;
  }
  return label > 0 && !LooksNumeric(text);
}

}  // namespace sallyport::domain
