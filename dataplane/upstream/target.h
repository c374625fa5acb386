// Where a request goes: an http(s) URL taken apart once, when the route is built. Immutable.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"
#include "dataplane/upstream_tls/client_context.h"

namespace sallyport::dataplane {

struct UpstreamTarget {
  bool tls = false;
  UpstreamProtocol protocol = UpstreamProtocol::kHttp1;
  std::string host;  // lower case, no trailing dot, IPv6 without brackets
  bool host_is_ip = false;
  uint16_t port = 0;         // written or default
  std::string written_port;  // as in the URL; empty: none
  std::string authority;     // for the Host header: host[:written_port], IPv6 in brackets
  std::string path;          // of the URL, without a trailing slash; "" for none
  std::string query;         // of the URL, without '?'
  // host:port of the forward proxy that leads to it as of the route; empty: none. Which one is
  // taken, and what it is told, say the credentials, which are needed for plain http too then.
  std::string proxy;
  bool sends_credential = false;  // likewise
  [[nodiscard]] bool needs_credentials() const { return tls || !proxy.empty() || sends_credential; }
  bool streams = false;  // of an API of protocol tls or tcp: it may be the first to speak
  // Of kAuto: the same, spoken to in HTTP/1.1. Null: else.
  std::shared_ptr<const UpstreamTarget> http1;
};
using UpstreamTargetPtr = std::shared_ptr<const UpstreamTarget>;

// Refuses other schemes, user info, fragments, blanks, bad ports and bad hosts.
[[nodiscard]] absl::StatusOr<UpstreamTargetPtr> ParseUpstreamTarget(absl::string_view url);

// A target of a route, which was parsed there.
[[nodiscard]] UpstreamTargetPtr MakeUpstreamTarget(const RouteTarget& target);

// What is offered to it by ALPN.
[[nodiscard]] UpstreamAlpn AlpnFor(const UpstreamTarget& target);

// What goes out: target.path and `path` (starts with '/') with one slash between, then the queries
// of both, the target's first.
[[nodiscard]] std::string JoinPath(const UpstreamTarget& target, absl::string_view path,
                                   absl::string_view query);

}  // namespace sallyport::dataplane
