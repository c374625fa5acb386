// What the four services share. Everything outlives the server.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "authsvc/decide/decide.h"
#include "authsvc/rpc/import_apisix.h"
#include "authsvc/rpc/role.h"

namespace sallyport::base {
class Clock;
}

namespace sallyport::authsvc {

class AdminWorker;
class DecisionMemo;
class Hub;
class Lookups;
class Replicas;
class RevisionGate;
class RecentCallers;
class RpcMeter;
class StreamPump;
class TelemetryStore;
class TicketKeeper;
class WatchLog;
class JwksFetcher;
class LoginChecker;
class Writer;

struct ServiceParts {
  const base::Clock* clock = nullptr;
  const RoleMap* roles = nullptr;
  Writer* writer = nullptr;
  Hub* hub = nullptr;
  Replicas* replicas = nullptr;
  TelemetryStore* telemetry = nullptr;
  TicketKeeper* tickets = nullptr;  // null: nobody gets ticket keys
  Lookups* lookups = nullptr;
  RecentCallers* recent = nullptr;
  DecisionMemo* memo = nullptr;
  JwksFetcher* key_sets = nullptr;  // null: no token of an issuer with a jwks_url passes
  LoginChecker* logins = nullptr;   // null: no user name and password passes
  ImportApisix import_apisix;
  RpcMeter* meter = nullptr;
  RevisionGate* gate = nullptr;
  std::shared_ptr<StreamPump> pump;
  WatchLog* watch_log = nullptr;
  AdminWorker* worker = nullptr;
  AdminWorker* explainer = nullptr;  // for those who wait for data planes
  DecisionBounds bounds;
  std::string default_org_id;
  std::vector<std::string> apk_sandbox_hosts;  // of apk-confs
  size_t max_request_bytes = 4 << 20;          // of callers that are not admin
  absl::Duration max_stream_age = absl::Minutes(30);
  absl::Duration lookup_patience = absl::Seconds(2);
  std::function<absl::Time()>
      certificate_not_after;  // of the server's own certificate, as now in force
};

}  // namespace sallyport::authsvc
