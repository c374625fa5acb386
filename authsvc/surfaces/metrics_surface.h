// /metrics, /healthz and /readyz of authsvc.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "shared/admin_http/server.h"
#include "shared/config/authsvc_config.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::metrics {
class Book;
}

namespace sallyport::authsvc {

class Replicas;
class RpcServer;
class TicketKeeper;
class Watchdog;
class Writer;

// All outlive the listener.
struct MetricsParts {
  const base::Clock* clock = nullptr;
  Writer* writer = nullptr;
  Replicas* replicas = nullptr;
  RpcServer* rpc = nullptr;
  TicketKeeper* tickets = nullptr;
  Watchdog* watchdog = nullptr;
  metrics::Book* book = nullptr;
};

[[nodiscard]] absl::StatusOr<std::unique_ptr<admin_http::Server>> StartMetrics(
    const config::AuthsvcConfig& config, const MetricsParts& parts);

}  // namespace sallyport::authsvc
