// Opens one upstream connection: name, TCP, the forward proxy's tunnel, TLS with every check done
// before it is handed out.
// Belongs to one loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <variant>

#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/forward_proxy.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream/target.h"

namespace sallyport::dataplane {

using DialResult = std::variant<std::unique_ptr<UpstreamConnection>, UpstreamFailure>;

// `proxy`: null: straight to the target; else the proxy's name is looked up and connected to, and
// the target's goes to the proxy as it is. `tls`: null for plain http.
[[nodiscard]] boost::asio::awaitable<DialResult> Dial(Loop& loop, Resolver& resolver,
                                                      UpstreamTargetPtr target, ProxyHopPtr proxy,
                                                      std::shared_ptr<ClientTlsContext> tls,
                                                      Deadline deadline);

}  // namespace sallyport::dataplane
