// One accepted client connection to its end: handshake, request after request, goodbye. One loop's
// thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/exchange/loop_services.h"
#include "dataplane/tls/server_tls.h"

namespace sallyport::dataplane {

// Where connections come in; kept by its connections, so that a listener may close before them.
struct ListenerContext {
  ListenerStyle style;
  ListenerFacts facts;
  ServerTls* tls = nullptr;           // null: plain; outlives all connections
  std::vector<AddressRange> proxies;  // their connections begin with a PROXY header
};
using ListenerContextPtr = std::shared_ptr<const ListenerContext>;

// Takes `fd`. `address`: of the client, without port: the TCP peer, or, `announced`, who a PROXY
// header named. `services` outlives the coroutine.
[[nodiscard]] boost::asio::awaitable<void> ServeConnection(LoopServices& services,
                                                           ListenerContextPtr listener, int fd,
                                                           std::string address, bool announced);

}  // namespace sallyport::dataplane
