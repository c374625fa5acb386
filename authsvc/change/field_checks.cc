#include "authsvc/change/field_checks.h"

#include <arpa/inet.h>
#include <re2/re2.h>

#include <cmath>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/change/invalid.h"
#include "shared/base/text.h"
#include "shared/domain/domain_map.h"
#include "shared/domain/host.h"
#include "shared/header/names.h"

namespace sallyport::authsvc {
namespace {

bool HasControl(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) return true;
  }
  return false;
}

bool IsTokenChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
         absl::string_view("!#$%&'*+-.^_`|~").find(c) != absl::string_view::npos;
}

// The pattern alone; the values are checked apart.
absl::Status CheckDomainKey(absl::string_view what, const std::string& key) {
  const auto pattern = domain::ParsePattern(key);
  if (pattern.ok()) return absl::OkStatus();
  return Invalid(what, ": ", pattern.status().message());
}

absl::Status CheckOrigin(absl::string_view origin) {
  if (origin == "*" || origin == "null") return absl::OkStatus();
  const size_t scheme = origin.find("://");
  const absl::string_view rest =
      scheme == absl::string_view::npos ? absl::string_view() : origin.substr(scheme + 3);
  const auto is_host_part = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-.:[]*", c);
  };
  if (rest.empty() || !absl::c_all_of(rest, is_host_part) || absl::c_count(origin, '*') > 1) {
    return Invalid("cors: origin `", absl::CHexEscape(origin),
                   "` must be scheme://host[:port], with one * in the host at most, or * alone");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckId(absl::string_view what, absl::string_view id) {
  if (id.empty()) return Invalid(what, ": an id is required");
  if (id.size() > 256) return Invalid(what, ": the id is longer than 256 bytes");
  if (HasControl(id) || absl::StripAsciiWhitespace(id) != id) {
    return Invalid(what, ": the id has control characters or blanks at its ends");
  }
  return absl::OkStatus();
}

absl::Status CheckOrg(absl::string_view org) {
  if (org.size() > 256 || HasControl(org)) {
    return Invalid("org_id is longer than 256 bytes or has control characters");
  }
  return absl::OkStatus();
}

absl::Status CheckStableName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= 128;
  for (const char c : name) {
    good = good &&
           (absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-');
  }
  if (good) return absl::OkStatus();
  return Invalid("a stable name has 1 to 128 letters, digits, '.', '_' or '-'");
}

absl::Status CheckHeaderName(absl::string_view what, absl::string_view name) {
  bool good = name.size() <= 256;
  for (const char c : name) good = good && IsTokenChar(c);
  return good ? absl::OkStatus()
              : Invalid(what, ": `", absl::CHexEscape(name), "` is not a valid name");
}

absl::Status CheckRegex(absl::string_view what, const std::string& text) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(1 << 20);
  const RE2 regex(text, options);
  if (regex.ok()) return absl::OkStatus();
  return Invalid(what, ": `", text, "` is not a valid regular expression: ", regex.error());
}

absl::Status CheckPathRules(absl::string_view what, const List<v1::PathRule>& rules) {
  for (const auto& rule : rules) {
    if (auto status = CheckRegex(what, rule.path()); !status.ok()) return status;
    for (const std::string& method : rule.methods()) {
      if (method.empty()) return Invalid(what, ": an empty method");
      if (auto status = CheckHeaderName(what, method); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const v1::Limits& limits) {
  const double rate = limits.rate().rate();
  const double per = limits.rate().per_seconds();
  if (!std::isfinite(rate) || !std::isfinite(per) || rate < 0 || per < 0) {
    return Invalid("a rate and its period must be finite and not negative");
  }
  if (rate > 0 && per == 0) return Invalid("a rate needs a period: set per_seconds");
  if (limits.quota().max() < -1) return Invalid("quota max must be -1 (unlimited), 0 or more");
  if (limits.quota().renewal_seconds() < 0) return Invalid("quota renewal must not be negative");
  return absl::OkStatus();
}

absl::Status CheckAccessRights(const List<v1::AccessRight>& rights) {
  for (const auto& right : rights) {
    if (right.api_id().empty()) return Invalid("an access right without api_id");
    const std::string what = absl::StrCat("access right for ", right.api_id());
    if (auto status = CheckPathRules(what, right.allowed_urls()); !status.ok()) return status;
    if (auto status = CheckLimits(right.limits()); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckAddressBlocks(absl::string_view what, const List<std::string>& list) {
  for (const std::string& text : list) {
    const std::vector<std::string> parts = absl::StrSplit(text, '/');
    unsigned char bytes[16];
    const bool v4 = inet_pton(AF_INET, parts[0].c_str(), bytes) == 1;
    const bool v6 = !v4 && inet_pton(AF_INET6, parts[0].c_str(), bytes) == 1;
    int length = 0;
    const bool length_fits =
        parts.size() == 1 || (parts.size() == 2 && absl::SimpleAtoi(parts[1], &length) &&
                              length >= 0 && length <= (v4 ? 32 : 128));
    if ((!v4 && !v6) || !length_fits) {
      return Invalid(what, ": `", text, "` is not an address or CIDR block");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckTlsVersions(absl::string_view least, absl::string_view most) {
  for (const absl::string_view version : {least, most}) {
    if (!version.empty() && version != "1.2" && version != "1.3") {
      return Invalid("TLS version `", version, "`: only 1.2 and 1.3 are supported");
    }
  }
  if (!least.empty() && !most.empty() && least > most) {
    return Invalid("min_version ", least, " is above max_version ", most);
  }
  return absl::OkStatus();
}

absl::Status CheckTargetUrl(absl::string_view url) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "https://") && !absl::ConsumePrefix(&rest, "http://") &&
      !absl::ConsumePrefix(&rest, "h2c://")) {
    return Invalid("target `", url, "` must start with http://, https:// or h2c://");
  }
  for (const char c : rest) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f) return Invalid("target `", url, "` has blanks or non-ASCII");
  }
  if (rest.find('#') != absl::string_view::npos)
    return Invalid("target `", url, "` has a fragment");
  const absl::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.find('@') != absl::string_view::npos) {
    return Invalid("a target must not have a user or password in it");
  }
  const auto host = domain::ParseHostPort(authority);
  if (!host.ok()) return Invalid("target `", url, "`: ", host.status().message());
  return absl::OkStatus();
}

absl::Status CheckCors(const v1::Cors& cors) {
  for (const std::string& origin : cors.allowed_origins()) {
    if (auto status = CheckOrigin(origin); !status.ok()) return status;
  }
  for (const auto* names :
       {&cors.allowed_methods(), &cors.allowed_headers(), &cors.exposed_headers()}) {
    for (const std::string& name : *names) {
      if (!header::IsFieldName(name))
        return Invalid("cors: `", absl::CHexEscape(name), "` is not a valid name");
    }
  }
  if (cors.max_age_seconds() < 0) return Invalid("cors: max_age_seconds is negative");
  const bool any =
      cors.allowed_origins().empty() || absl::c_linear_search(cors.allowed_origins(), "*");
  if (cors.allow_credentials() && any) {
    return Invalid(
        "cors: allow_credentials for every origin would let any site act as the caller: name the "
        "origins");
  }
  return absl::OkStatus();
}

absl::Status CheckStyle(absl::string_view style) {
  for (const absl::string_view known : {"", "native", "tyk", "apisix", "apk"}) {
    if (style == known) return absl::OkStatus();
  }
  return Invalid("style `", style, "`: must be native, tyk, apisix or apk");
}

absl::Status CheckDomainCertificates(absl::string_view what, const v1::DomainCertificates& map) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (const auto& [key, id] : map.certificate_ids()) {
    if (auto status = CheckDomainKey(what, key); !status.ok()) return status;
    if (id.empty()) return Invalid(what, ": domain `", key, "` has no certificate id");
    entries.emplace_back(key, id);
  }
  const auto built = domain::DomainMap<std::string>::Build(std::move(entries));
  return built.ok() ? absl::OkStatus() : Invalid(what, ": ", built.status().message());
}

absl::Status CheckDomainPins(absl::string_view what, const v1::DomainPins& map) {
  std::vector<std::pair<std::string, int>> entries;
  for (const auto& [key, pins] : map.pins()) {
    if (auto status = CheckDomainKey(what, key); !status.ok()) return status;
    if (pins.certificate_ids().empty() && pins.spki_sha256().empty()) {
      return Invalid(what, ": domain `", key, "` has no pin");
    }
    for (const std::string& id : pins.certificate_ids()) {
      if (id.empty()) return Invalid(what, ": domain `", key, "` has an empty id");
    }
    for (const std::string& hex : pins.spki_sha256()) {
      if (hex.size() == 64 && base::IsHex(hex)) continue;
      return Invalid(what, ": domain `", key, "`: `", hex, "` is not a hex SHA-256");
    }
    entries.emplace_back(key, 0);
  }
  const auto built = domain::DomainMap<int>::Build(std::move(entries));
  return built.ok() ? absl::OkStatus() : Invalid(what, ": ", built.status().message());
}

absl::Status CheckAllowlistIds(absl::string_view what, const List<v1::AllowlistEntry>& list) {
  for (const auto& entry : list) {
    if (entry.certificate_id().empty()) return Invalid(what, ": an entry without certificate id");
  }
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
