// The gRPC server of authsvc: four services, health and (behind a flag) reflection, over mutual TLS
// under a CA of its own. Certificate files are read again when their directory is swapped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "authsvc/push/hub.h"
#include "authsvc/push/replicas.h"
#include "authsvc/rpc/import_apisix.h"
#include "authsvc/rpc/role.h"
#include "authsvc/rpc/telemetry_store.h"
#include "shared/config/tls_files.h"

namespace sallyport::base {
class Clock;
}
namespace sallyport::metrics {
class Book;
}

namespace sallyport::authsvc {

class DecisionMemo;
class JwksFetcher;
class LoginChecker;
class TicketKeeper;
class Writer;
struct HealthState;

struct RpcServerOptions {
  std::string address = "::";
  uint16_t port = 0;  // 0: any free one, see port()
  config::TlsDirectory tls;
  bool reflection = false;
  absl::Duration max_connection_age = absl::Minutes(30);
  absl::Duration max_connection_grace = absl::Seconds(10);
  uint64_t max_request_bytes = 4 << 20;
  uint64_t max_admin_bytes = 64 << 20;
  absl::Duration certificate_reload = absl::Seconds(5);
  absl::Duration lookup_patience =
      absl::Seconds(2);  // with data planes that are asked for a request
  DecisionBounds bounds;
  std::string default_org_id;
  std::vector<std::string> apk_sandbox_hosts;  // where sandboxes of apk-confs are served
};

// All outlive the server.
struct RpcServerParts {
  const base::Clock* clock = nullptr;
  const RoleMap* roles = nullptr;
  Writer* writer = nullptr;
  Hub* hub = nullptr;
  Replicas* replicas = nullptr;
  TelemetryStore* telemetry = nullptr;
  DecisionMemo* memo = nullptr;
  metrics::Book* book = nullptr;
  TicketKeeper* tickets = nullptr;  // null: data planes get no ticket keys
  JwksFetcher* key_sets = nullptr;  // null: no token of an issuer with a jwks_url passes
  LoginChecker* logins = nullptr;   // null: no user name and password passes
  ImportApisix import_apisix;       // empty: `apply --as apisix` is refused
};

class RpcServer {
 public:
  // Errors name the file or address and say what to do.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const RpcServerOptions& options, const RpcServerParts& parts);
  virtual ~RpcServer() = default;

  [[nodiscard]] virtual uint16_t port() const = 0;
  virtual void SetHealth(const HealthState& state) = 0;
  // When its own certificate, as now in force, ends.
  [[nodiscard]] virtual absl::Time certificate_not_after() const = 0;
  // The list of denied callers has changed: every stream looks at it now.
  virtual void RecheckCallers() = 0;
  // Ends streams, lets calls in flight finish for up to `grace`, then cuts them. Blocks.
  virtual void Stop(absl::Duration grace) = 0;
};

}  // namespace sallyport::authsvc
