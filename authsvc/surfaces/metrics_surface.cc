#include "authsvc/surfaces/metrics_surface.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "authsvc/change/writer.h"
#include "authsvc/push/replicas.h"
#include "authsvc/rpc/server.h"
#include "authsvc/surfaces/listener.h"
#include "authsvc/tickets/ticket_keeper.h"
#include "authsvc/watchdog/gauges.h"
#include "authsvc/watchdog/watchdog.h"
#include "shared/base/version.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {
namespace {

std::vector<ReplicaGauge> GaugesOf(Replicas& replicas) {
  std::vector<ReplicaGauge> gauges;
  for (const ReplicaFacts& replica : replicas.List()) {
    gauges.push_back({absl::StrCat(replica.group, "/", replica.name), replica.revision,
                      replica.certificate_not_after});
  }
  return gauges;
}

std::string NotReady(const Watchdog& watchdog) {
  const HealthState state = watchdog.health();
  return state.deciding ? std::string() : absl::StrCat("not ready: ", state.problem);
}

}  // namespace

absl::StatusOr<std::unique_ptr<admin_http::Server>> StartMetrics(
    const config::AuthsvcConfig& config, const MetricsParts& parts) {
  RegisterGauges({parts.clock, [parts] { return parts.writer->snapshot(); },
                  [parts] { return GaugesOf(*parts.replicas); }, base::kVersion,
                  [parts] { return parts.rpc->certificate_not_after(); },
                  [parts] { return parts.tickets->Ages(); }},
                 parts.book);
  admin_http::Router router;
  router.Exact("/metrics", admin_http::TextHandler([parts] { return parts.book->Render(); }));
  router.Exact("/healthz", admin_http::HealthHandler([] { return std::string(); }));
  router.Exact("/readyz", admin_http::HealthHandler([parts] { return NotReady(*parts.watchdog); }));
  admin_http::ServerOptions options;
  options.address = config.metrics.address;
  options.port = config.metrics.port;
  options.name = "metrics";
  return StartListener(options, std::move(router), false);
}

}  // namespace sallyport::authsvc
