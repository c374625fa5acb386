// One health check of one target: a connection of its own, one request, the status of the answer.
// One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "dataplane/loop/loop.h"
#include "dataplane/route/upstream_rules.h"
#include "dataplane/sync/credentials.h"
#include "dataplane/upstream/forward_proxy.h"
#include "dataplane/upstream/resolver.h"
#include "dataplane/upstream/target.h"
#include "dataplane/upstream_tls/client_context.h"

namespace sallyport::dataplane {

struct ProbeResult {
  bool good = false;
  std::string detail;  // why it is not; operators only
};

// `proxy` and `tls`: what requests to this target use; null: straight to it, plain http.
// `credentials`: whose header is sent; may be null. Nothing is sent before the checks of TLS have
// passed.
[[nodiscard]] boost::asio::awaitable<ProbeResult> Probe(Loop& loop, Resolver& resolver,
                                                        UpstreamTargetPtr target, ProxyHopPtr proxy,
                                                        std::shared_ptr<ClientTlsContext> tls,
                                                        const HealthCheckRules& rules,
                                                        UpstreamCredentialsPtr credentials);

}  // namespace sallyport::dataplane
