#include "authsvc/snapshot/forward_proxy.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace sallyport::authsvc {
namespace {

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

}  // namespace

absl::StatusOr<domain::HostPort> ParseProxyUrl(absl::string_view url) {
  if (absl::StartsWith(url, "https://")) {
    return Bad(
        "TLS to the proxy itself is not spoken: use http://host:port (to https:// targets TLS is "
        "spoken through it, end to end), or put a TLS client such as stunnel in front of it");
  }
  if (!absl::ConsumePrefix(&url, "http://")) return Bad("must be http://host:port");
  if (absl::StrContains(url, "@"))
    return Bad("must not hold a user name or password: they have fields of their own");
  const auto place = domain::ParseHostPort(url);
  if (!place.ok() || place->port == 0) return Bad("must be http://host:port, nothing behind it");
  return *place;
}

std::string ProxyAuthority(const domain::HostPort& proxy) {
  const bool brackets = absl::StrContains(proxy.host.name, ":");
  return brackets ? absl::StrCat("[", proxy.host.name, "]:", proxy.port)
                  : absl::StrCat(proxy.host.name, ":", proxy.port);
}

}  // namespace sallyport::authsvc
