#include "shared/header/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace sallyport::header {
namespace {

constexpr absl::string_view kText = "PROXY ";
constexpr absl::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr size_t kMostText = 107;  // 2.1: with its CR LF
constexpr size_t kFixed = 16;      // of a binary one, before the addresses

ProxyHeader Bad(const char* problem) {
  ProxyHeader header;
  header.kind = ProxyHeader::Kind::kBad;
  header.problem = problem;
  return header;
}

ProxyHeader Done(size_t size, std::string source) {
  ProxyHeader header;
  header.kind = ProxyHeader::Kind::kDone;
  header.size = size;
  header.source = std::move(source);
  return header;
}

std::string Text4(const void* address) {
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, address, text, sizeof text);
  return text;
}

// An IPv4 address in an IPv6 one as IPv4, as everywhere else.
std::string Text6(const in6_addr& address) {
  if (IN6_IS_ADDR_V4MAPPED(&address)) return Text4(address.s6_addr + 12);
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(AF_INET6, &address, text, sizeof text);
  return text;
}

// Empty when it is none.
std::string Address(int family, absl::string_view text) {
  const std::string copy(text);
  if (copy.size() != std::strlen(copy.c_str())) return "";
  in6_addr six = {};
  in_addr four = {};
  if (family == AF_INET) return inet_pton(AF_INET, copy.c_str(), &four) == 1 ? Text4(&four) : "";
  return inet_pton(AF_INET6, copy.c_str(), &six) == 1 ? Text6(six) : "";
}

bool IsPort(absl::string_view text) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0')) return false;
  if (!std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) return false;
  return std::stoul(std::string(text)) <= 65535;
}

ProxyHeader ParseText(absl::string_view bytes) {
  const absl::string_view most = bytes.substr(0, kMostText);
  const size_t end = most.find('\n');
  if (end == absl::string_view::npos) {
    return bytes.size() < kMostText ? ProxyHeader() : Bad("a PROXY line of more than 107 bytes");
  }
  if (most[end - 1] != '\r') return Bad("a PROXY line that does not end with CR LF");
  const absl::string_view line = most.substr(kText.size(), end - 1 - kText.size());
  if (line == "UNKNOWN" || absl::StartsWith(line, "UNKNOWN ")) return Done(end + 1, "");
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() != 5 || (words[0] != "TCP4" && words[0] != "TCP6"))
    return Bad("a malformed PROXY line");
  const int family = words[0] == "TCP4" ? AF_INET : AF_INET6;
  std::string source = Address(family, words[1]);
  if (source.empty() || Address(family, words[2]).empty() || !IsPort(words[3]) ||
      !IsPort(words[4])) {
    return Bad("a PROXY line with a malformed address or port");
  }
  return Done(end + 1, std::move(source));
}

ProxyHeader ParseBinary(absl::string_view bytes) {
  constexpr uint8_t kLocal = 0x20, kProxy = 0x21, kTcp4 = 0x11, kTcp6 = 0x21, kUnspecified = 0x00;
  if (bytes.size() < kFixed) return {};
  const auto at = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const uint8_t command = at(12), family = at(13);
  const size_t rest = static_cast<size_t>(at(14)) << 8 | at(15);
  if (command != kLocal && command != kProxy)
    return Bad("a PROXY header of an unknown version or command");
  if (kFixed + rest > kMostProxyHeader) return Bad("a PROXY header that is too long");
  const bool addresses = command == kProxy && family != kUnspecified;
  if (addresses && family != kTcp4 && family != kTcp6)
    return Bad("a PROXY header for neither TCP over IPv4 nor IPv6");
  if (addresses && rest < (family == kTcp4 ? 12u : 36u))
    return Bad("a PROXY header too short for its addresses");
  if (bytes.size() < kFixed + rest) return {};
  if (!addresses) return Done(kFixed + rest, "");
  if (family == kTcp4) return Done(kFixed + rest, Text4(bytes.data() + kFixed));
  in6_addr source;
  std::memcpy(&source, bytes.data() + kFixed, sizeof source);
  return Done(kFixed + rest, Text6(source));
}

bool Begins(absl::string_view bytes, absl::string_view with) {
  const size_t common = std::min(bytes.size(), with.size());
  return bytes.substr(0, common) == with.substr(0, common);
}

}  // namespace

ProxyHeader ParseProxyHeader(absl::string_view bytes) {
  if (Begins(bytes, kBinary))
    return bytes.size() < kBinary.size() ? ProxyHeader() : ParseBinary(bytes);
  if (Begins(bytes, kText)) return bytes.size() < kText.size() ? ProxyHeader() : ParseText(bytes);
  return Bad("no PROXY header");
}

}  // namespace sallyport::header
