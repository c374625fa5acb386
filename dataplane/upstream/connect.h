// TCP connections: one after the other with a head start for each (RFC 8305), whichever is first
// wins. Belongs to one loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <vector>

#include "dataplane/loop/loop.h"
#include "dataplane/loop/readiness.h"

namespace sallyport::dataplane {

struct ConnectResult {
  int fd = -1;    // connected, non-blocking, TCP_NODELAY; the caller's
  int error = 0;  // errno of the last attempt
  bool timed_out = false;
  boost::asio::ip::address address;  // the one that won
};

// At most 8 of `addresses` (not empty) are tried.
[[nodiscard]] boost::asio::awaitable<ConnectResult> Connect(
    Loop& loop, const std::vector<boost::asio::ip::address>& addresses, uint16_t port,
    Deadline deadline);

}  // namespace sallyport::dataplane
