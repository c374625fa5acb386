// Metrics of the process as a whole, read when it is scraped.
#pragma once

#include <functional>
#include <vector>

#include "dataplane/authorize/authorizer.h"
#include "dataplane/authorize/client_validation.h"
#include "dataplane/limit/limiter.h"
#include "dataplane/listen/certificate_watch.h"
#include "dataplane/observe/access_log.h"
#include "dataplane/observe/telemetry.h"
#include "dataplane/script/pool.h"
#include "dataplane/sync/grpc_authsvc_client.h"
#include "dataplane/sync/stream_state.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/tls/ticket_keys.h"
#include "dataplane/upstream/target_registry.h"
#include "shared/cache/generations.h"
#include "shared/metrics/sheet.h"

namespace sallyport::dataplane {

// All outlive the book's last Render.
struct ProcessMetricSources {
  metrics::Book* book;
  const StreamState* stream;
  const Subscriber* subscriber;
  const GrpcAuthsvcClient* client;
  const Limiter* limiter;
  const AccessLog* access_log;
  const TelemetryReporter* telemetry;
  const AuthorizeHub* authorize;
  const ValidationHub* validation;
  const cache::TagGenerations* generations;
  const TargetRegistry* targets;
  const ScriptPool* scripts;
  const CertificateWatch* certificates;  // of listeners
  TicketKeys* ticket_keys;
  std::string control_certificate_file;
  std::function<bool()> ready;
};
// Labels: setting, api. What authsvc says of the routes and the gateway; at most 1,000.
[[nodiscard]] std::vector<metrics::Sample> InsecureSamples(const GatewayView& view);
// Labels: api, state.
[[nodiscard]] std::vector<metrics::Sample> TargetSamples(const TargetRegistry& targets,
                                                         int64_t now_millis);
// Label: role, "listener" for the files of listeners in force and "control" for what this replica
// shows authsvc.
[[nodiscard]] std::vector<metrics::Sample> ExpirySamples(
    const CertificateWatch& listeners, const std::string& control_certificate_file);
// Label: state.
[[nodiscard]] std::vector<metrics::Sample> ScriptSamples(const ScriptPool::Counts& counts);
// Label: source.
[[nodiscard]] std::vector<metrics::Sample> TicketKeySamples(const TicketKeys::Facts& facts);
[[nodiscard]] std::vector<metrics::Sample> TicketKeyAgeSamples(const TicketKeys::Facts& facts);
// Label: result.
[[nodiscard]] std::vector<metrics::Sample> ValidationSamples(const ValidationCounters& counters);
void RegisterProcessMetrics(const ProcessMetricSources& sources);

}  // namespace sallyport::dataplane
