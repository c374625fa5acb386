// A client connection that speaks HTTP/2: one coroutine reads, one writes, and each request in
// flight has one for its exchange. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "dataplane/exchange/client.h"

namespace sallyport::dataplane {

// Until the connection is over and every exchange of it. `client` is registered.
[[nodiscard]] boost::asio::awaitable<void> ServeHttp2(Client& client);

}  // namespace sallyport::dataplane
