// Who a proxy that speaks the PROXY protocol says its client is. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "dataplane/loop/deadline.h"
#include "dataplane/loop/loop.h"

namespace sallyport::dataplane {

struct AnnouncedClient {
  int fd =
      -1;  // what follows the header is unread; the receiver's to close. -1: no connection any more
  std::string address;            // without port; empty: the proxy speaks for itself
  const char* problem = nullptr;  // why there is no connection any more, a constant
};

// Takes `fd`, a new connection that must begin with a PROXY header, and nothing behind that header.
[[nodiscard]] boost::asio::awaitable<AnnouncedClient> ReadAnnouncedClient(Loop& loop, int fd,
                                                                          Deadline deadline);

}  // namespace sallyport::dataplane
