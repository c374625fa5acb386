// What the requests of one loop work with: made once by listen, borrowed by every connection. One
// loop's thread, except where a member says otherwise.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/authorize/authorizer.h"
#include "dataplane/authorize/credential_cache.h"
#include "dataplane/exchange/asserted_certificate.h"
#include "dataplane/exchange/connection_registry.h"
#include "dataplane/exchange/log_budget.h"
#include "dataplane/exchange/request_id.h"
#include "dataplane/exchange/tunnel_places.h"
#include "dataplane/exchange/upstream_hints.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/tunnel.h"
#include "dataplane/http/head_parser.h"
#include "dataplane/http2/settings.h"
#include "dataplane/limit/limiter.h"
#include "dataplane/limit/load_shedder.h"
#include "dataplane/loop/loop.h"
#include "dataplane/observe/access_log.h"
#include "dataplane/observe/allowed_ring.h"
#include "dataplane/observe/metrics.h"
#include "dataplane/observe/telemetry.h"
#include "dataplane/observe/trace_rules.h"
#include "dataplane/route/route_table.h"
#include "dataplane/script/pool.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/upstream/balance.h"
#include "dataplane/upstream/pool.h"

namespace sallyport::dataplane {

// From the configuration; the same for every loop.
struct ExchangeSettings {
  HeadLimits head;
  uint32_t requests_per_connection = 0;  // 0: no limit
  absl::Duration handshake = absl::Seconds(10);
  absl::Duration head_time = absl::Seconds(10);   // from its first byte
  absl::Duration keep_alive = absl::Seconds(75);  // between requests
  absl::Duration write_idle = absl::Seconds(60);
  absl::Duration sever_grace = absl::Seconds(5);
  ForwardTimeouts forward;
  Http2Settings http2;
  size_t max_identity_bytes = 16 * 1024;  // of what tells an upstream of its caller
  TunnelSettings tunnel;
  std::vector<std::string> upgrades;          // protocols that may be switched to
  std::vector<AddressRange> trusted_proxies;  // of this machine's file
  uint64_t script_body_bytes = 1 << 20;       // of a request that a script is told
};

// How a listener answers; outlives its connections.
struct ListenerStyle {
  std::string id;
  // 0 for the default listeners: routes that name no port.
  RoutePlace route_place = 0;
  ErrorStyle style = ErrorStyle::kNative;
  bool plain = false;
  bool redirect = false;
  uint16_t redirect_port = 443;  // of the https listener that plain requests are sent to
  bool streams = false;  // of APIs of protocols tls or tcp: what comes is passed on as it is
  std::string socket{};  // ListenerPlace
};

struct LoopServices {
  Loop& loop;
  const ExchangeSettings& settings;
  Authorizer& authorizer;
  CredentialCache& credentials;
  Limiter& limiter;  // shared by loops
  LoadShedder& shedder;
  UpstreamPool& pool;
  RouteBalancers& balancers;
  LoopMetrics& metrics;
  AccessLog& access_log;
  TelemetryReporter& telemetry;
  AllowedRing& allowed;
  ConnectionRegistry& connections;
  RequestIds& request_ids;
  TunnelPlaces& tunnels;  // shared by loops
  ScriptPool& scripts;    // shared by loops
  const StreamState& stream;
  GatewayViewPtr view;                        // swapped as a whole by each change
  std::vector<AddressRange> trusted_proxies;  // of the view and of the settings
  CertificateHeaders certificate_headers;     // of the view, for those
  bool draining = false;
  LogBudget handshake_log{1};  // by reason
  Deadline next_http2_log =
      Deadline::AtMillis(0);      // not before: failures of connections may come in floods
  TraceRulesPtr trace = nullptr;  // null: nobody's requests
  UpstreamHints upstream_hints = {};
  LogBudget script_log{100};      // by API
  LogBudget script_call_log{10};  // of calls that failed, by API and reason
};

}  // namespace sallyport::dataplane
