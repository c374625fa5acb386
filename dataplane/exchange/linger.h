// The end of a connection whose client may still be sending. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "dataplane/loop/stream.h"

namespace sallyport::dataplane {

// `stream` was shut down by us. What the client still sends is read for a moment: a reset would
// take our last words from it.
[[nodiscard]] boost::asio::awaitable<void> Linger(Stream& stream);

// When it is closed: neither close_notify nor FIN, which would look like an end in order.
void EndByReset(Stream& stream);

}  // namespace sallyport::dataplane
