// The way to a target through a forward proxy: which proxy, what it is told, and the tunnel that it
// is asked for. Belongs to one loop's thread, ProxyHop is immutable.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/loop/stream.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/target.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {

struct ProxyHop {
  std::string host;  // lower case, IPv6 without brackets
  uint16_t port = 0;
  base::Secret authorization;                  // value of Proxy-Authorization; empty: none is sent
  [[nodiscard]] std::string ToString() const;  // "forward proxy host:port"
};
using ProxyHopPtr = std::shared_ptr<const ProxyHop>;

// Null: these credentials lead straight to the target.
[[nodiscard]] ProxyHopPtr MakeProxyHop(const UpstreamCredentials* credentials);

// The head of the CONNECT request (RFC 9112 §3.2.3). Nothing where host or port could not stand in
// one. Holds the credentials: cleanse it after use.
[[nodiscard]] std::optional<std::string> ConnectRequest(const ProxyHop& hop,
                                                        const UpstreamTarget& target);

// Asks the proxy on the other end of `stream`, a fresh one, for a tunnel to the target. Nothing:
// the tunnel is there, and what comes next on `stream` is the target's: not one byte behind the
// proxy's answer was taken. kUpstreamProxy: the proxy is of no use, which says nothing about the
// target; kUpstreamProxyRefused: it does not lead there; kUpstreamConnectTimeout.
[[nodiscard]] boost::asio::awaitable<std::optional<UpstreamFailure>> OpenTunnel(
    Stream& stream, const ProxyHop& hop, const UpstreamTarget& target, Deadline deadline);

}  // namespace sallyport::dataplane
