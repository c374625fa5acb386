#include "dataplane/route/route.h"

#include <arpa/inet.h>
#include <string.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "re2/re2.h"
#include "shared/domain/host.h"

namespace sallyport::dataplane {
namespace {

bool IsVisibleAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

// 127.0.0.1 is ::ffff:127.0.0.1 here, so that one family is enough.
bool ParseAddress(absl::string_view text, std::array<uint8_t, 16>* bytes, bool* v4) {
  const std::string copy(text);
  in_addr four{};
  if (inet_pton(AF_INET, copy.c_str(), &four) == 1) {
    bytes->fill(0);
    (*bytes)[10] = (*bytes)[11] = 0xff;
    memcpy(bytes->data() + 12, &four, 4);
    *v4 = true;
    return true;
  }
  *v4 = false;
  return inet_pton(AF_INET6, copy.c_str(), bytes->data()) == 1;
}

}  // namespace

ErrorStyle ErrorStyleFromName(absl::string_view name) {
  if (name == "tyk") return ErrorStyle::kTyk;
  if (name == "apisix") return ErrorStyle::kApisix;
  if (name == "apk") return ErrorStyle::kApk;
  return ErrorStyle::kNative;
}

std::optional<RouteTarget> ParseTarget(absl::string_view url) {
  if (!IsVisibleAscii(url) || absl::StrContains(url, '#')) return std::nullopt;
  RouteTarget target;
  target.url = std::string(url);
  const size_t scheme_end = url.find("://");
  if (scheme_end == absl::string_view::npos) return std::nullopt;
  target.scheme = absl::AsciiStrToLower(url.substr(0, scheme_end));
  if (target.scheme == "h2c") {
    target.scheme = "http";
    target.protocol = UpstreamProtocol::kHttp2;
  }
  const bool http = target.scheme == "http" || target.scheme == "https";
  if (!http && target.scheme != "tcp" && target.scheme != "tls") return std::nullopt;
  const absl::string_view rest = url.substr(scheme_end + 3);
  const absl::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.empty() || absl::StrContains(authority, '@')) return std::nullopt;
  const auto host = domain::ParseHostPort(authority);
  if (!host.ok() || host->host.name.empty()) return std::nullopt;
  target.host = host->host.name;
  if (host->port != 0) target.written_port = absl::StrCat(host->port);
  target.port = host->port != 0 ? host->port : target.scheme == "https" ? 443 : 80;
  const absl::string_view tail = rest.substr(authority.size());
  if (!http) {
    if (host->port == 0 || !tail.empty()) return std::nullopt;
    return target;
  }
  const size_t question = tail.find('?');
  target.path = std::string(tail.substr(0, question));
  if (question != absl::string_view::npos) target.query = std::string(tail.substr(question + 1));
  return target;
}

CompiledPathRule CompilePathRule(absl::string_view path, std::vector<std::string> methods,
                                 bool ignore_case) {
  CompiledPathRule rule;
  rule.text = std::string(path);
  rule.methods = std::move(methods);
  for (std::string& method : rule.methods) absl::AsciiStrToUpper(&method);
  RE2::Options options;
  options.set_log_errors(false);
  options.set_case_sensitive(!ignore_case);
  options.set_max_mem(1 << 20);
  auto regex = std::make_shared<const RE2>(rule.text, options);
  if (regex->ok()) rule.regex = std::move(regex);
  return rule;
}

std::optional<AddressRange> ParseAddressRange(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t slash = text.find('/');
  AddressRange range;
  bool v4 = false;
  if (!ParseAddress(text.substr(0, slash), &range.bytes, &v4)) return std::nullopt;
  if (slash == absl::string_view::npos) return range;
  uint32_t prefix = 0;
  const absl::string_view digits = text.substr(slash + 1);
  if (digits.empty() || !absl::ascii_isdigit(static_cast<unsigned char>(digits[0])))
    return std::nullopt;
  if (!absl::SimpleAtoi(digits, &prefix) || prefix > (v4 ? 32u : 128u)) return std::nullopt;
  range.prefix = static_cast<uint8_t>(v4 ? prefix + 96 : prefix);
  return range;
}

bool Contains(const AddressRange& range, const AddressRange& address) {
  const size_t whole = range.prefix / 8;
  if (memcmp(range.bytes.data(), address.bytes.data(), whole) != 0) return false;
  const int rest = range.prefix % 8;
  if (rest == 0) return true;
  const int mask = 0xff00 >> rest & 0xff;
  return ((range.bytes[whole] ^ address.bytes[whole]) & mask) == 0;
}

}  // namespace sallyport::dataplane
