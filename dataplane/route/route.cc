#include "dataplane/route/route.h"

#include <arpa/inet.h>
#include <string.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace sallyport::dataplane {
namespace {

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

namespace {

void SeeServer(const RewriteTarget& target, absl::FunctionRef<void(const RouteTarget&)> see) {
  if (target.server.has_value()) see(*target.server);
}

}  // namespace

void EachServer(const Route& route, absl::FunctionRef<void(const RouteTarget&)> see) {
  for (const RouteTarget& target : route.targets) see(target);
  for (const RouteVersion& version : route.versions) {
    if (version.override_target.has_value()) see(*version.override_target);
    for (const Endpoint& endpoint : version.endpoints) {
      if (!endpoint.rewrite.has_value()) continue;
      for (const RewriteTrigger& trigger : endpoint.rewrite->triggers)
        SeeServer(trigger.target, see);
      if (endpoint.rewrite->target.has_value()) SeeServer(*endpoint.rewrite->target, see);
    }
  }
}

}  // namespace sallyport::dataplane
