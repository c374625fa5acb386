// Opens one upstream connection: name, TCP, TLS with every check done before it is handed out.
// Belongs to one loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <variant>

#include "dataplane/upstream/connection.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream/target.h"

namespace sallyport::dataplane {

using DialResult = std::variant<std::unique_ptr<UpstreamConnection>, UpstreamFailure>;

// `tls`: null for plain http.
[[nodiscard]] boost::asio::awaitable<DialResult> Dial(Loop& loop, Resolver& resolver,
                                                      UpstreamTargetPtr target,
                                                      std::shared_ptr<ClientTlsContext> tls,
                                                      Deadline deadline);

}  // namespace sallyport::dataplane
