// The HTTP requests of a script, made as those of its API's callers are: with the client
// certificate, pins, verification and forward proxy that the auth service gives for that API and
// host, over the same pool. What a script says to send is checked before. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/authorize/credential_cache.h"
#include "dataplane/forward/forward.h"
#include "dataplane/route/route.h"
#include "dataplane/script/wire/message.h"
#include "dataplane/upstream/pool.h"

namespace sallyport::dataplane {

struct ScriptCallLimits {
  size_t calls = 16;              // of one script
  size_t answer_bytes = 1 << 20;  // of each
  size_t all_bytes = 4 << 20;     // of those that it waits for at once
  size_t url_bytes = 16 * 1024;
  size_t method_bytes = 32;
  size_t request_fields = 100;
  size_t request_field_bytes = 32 * 1024;
};

// What came of one, for log and metrics.
struct ScriptCallEnd {
  std::string host;  // empty: the URL could not be read
  uint16_t port = 0;
  ForwardOutcome outcome;  // kAllowed: answered
};

class ScriptCalls {
 public:
  struct Parts {
    UpstreamPool& pool;
    CredentialCache& credentials;
    RoutePtr route;
    Permit permit;  // of the request that the script runs for
    ForwardTimeouts timeouts;
    std::string request_id;
    // Headers that tell upstreams who calls: only the gateway itself writes them.
    std::vector<std::string> withheld;
    std::function<void(const ScriptCallEnd&)> ended;  // within Make
    std::function<bool()> abandoned;                  // likewise: as ScriptHost's
  };
  explicit ScriptCalls(Parts parts, ScriptCallLimits limits = {});

  // A result for each, in order; one that got no answer in time or was not good to send has none.
  [[nodiscard]] boost::asio::awaitable<script::Results> Make(script::Calls calls,
                                                             Deadline deadline);

 private:
  struct Group;
  struct One;
  static boost::asio::awaitable<void> Send(std::shared_ptr<Group> group, std::shared_ptr<One> one);
  static boost::asio::awaitable<void> SendBeside(std::shared_ptr<Group> group,
                                                 std::shared_ptr<One> one);

  const std::shared_ptr<const Parts> parts_;  // shared with what is under way
  const ScriptCallLimits limits_;
  size_t made_ = 0;
  bool told_of_limit_ = false;
};

}  // namespace sallyport::dataplane
