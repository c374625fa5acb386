// One upstream server of an API, read from its URL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/route/upstream_rules.h"

namespace sallyport::dataplane {

struct RouteTarget {
  std::string url;     // as written
  std::string scheme;  // "http" | "https", of the other protocols "tcp" | "tls"
  UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
  std::string host;               // lower case, without port; IPv6 without brackets
  uint16_t port = 0;              // written or default
  std::string written_port;       // as in the URL; empty: none
  std::string path;               // "" or starts with '/'
  std::string query;              // of the target URL, without '?'
  std::string proxy;              // host:port of the forward proxy that leads to it; empty: none
  bool sends_credential = false;  // a header value for it comes from authsvc
  uint32_t weight = 1;
};
// http(s)://host[:port][/path][?query], h2c:// for http and HTTP/2, or tcp://host:port and
// tls://host:port; anything else (user info, fragment, blanks, bad port) is nothing.
[[nodiscard]] std::optional<RouteTarget> ParseTarget(absl::string_view url);

}  // namespace sallyport::dataplane
