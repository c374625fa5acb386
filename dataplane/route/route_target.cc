#include "dataplane/route/route_target.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/domain/host.h"

namespace sallyport::dataplane {
namespace {

bool IsVisibleAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

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

}  // namespace sallyport::dataplane
