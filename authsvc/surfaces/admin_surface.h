// What administrators call over HTTP: Tyk's REST API with the calls of WSO2 APK's deployer, and the
// Admin API of APISIX's, there as well or at a port of its own; also in plain HTTP on this machine.
// Follows the file of --apisix-config.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "authsvc/admin/tyk_api.h"
#include "authsvc/apisix/admin_api.h"
#include "authsvc/jwks/jwks_fetcher.h"
#include "authsvc/rpc/admin_worker.h"
#include "authsvc/rpc/telemetry_store.h"
#include "authsvc/setup/apisix_settings.h"
#include "authsvc/watchdog/ticker.h"
#include "shared/admin_http/server.h"
#include "shared/config/authsvc_config.h"

namespace sallyport::authsvc {

class Replicas;
class Writer;

// All outlive the surface; key sets and telemetry are asked from its threads.
struct AdminParts {
  const base::Clock* clock = nullptr;
  Writer* writer = nullptr;
  Replicas* replicas = nullptr;
  TelemetryStore* telemetry = nullptr;
  JwksFetcher* key_sets = nullptr;
};

// One thread at a time, but for Import.
class AdminSurface {
 public:
  // What this process's settings say of APISIX's objects is stored. `file`: what `settings` come
  // from; null: from no file.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<AdminSurface>> Create(
      const config::AuthsvcConfig& config, apisix::AdminApiSettings settings,
      std::unique_ptr<ApisixConfigFile> file, const AdminParts& parts);
  ~AdminSurface() { Stop(absl::ZeroDuration()); }
  AdminSurface(const AdminSurface&) = delete;
  AdminSurface& operator=(const AdminSurface&) = delete;

  // Opens the listeners.
  [[nodiscard]] absl::Status Start();
  // From now on what the file says is looked at every second.
  void FollowFile();
  // No request is taken any more; those under way have `grace`. May be called more than once.
  void Stop(absl::Duration grace);
  [[nodiscard]] absl::Status ReloadCertificates();
  [[nodiscard]] uint16_t port() const { return admin_->port(); }

  // AdminApi::Import. Thread-safe; also before Start.
  [[nodiscard]] absl::StatusOr<::sallyport::v1::ApplyResponse> Import(
      absl::string_view who, const ::sallyport::v1::ApplyRequest& request) const {
    return apisix_->Import(who, request);
  }

 private:
  using ServerPtr = std::unique_ptr<admin_http::Server>;
  AdminSurface(const config::AuthsvcConfig& config, apisix::AdminApiSettings settings,
               std::unique_ptr<ApisixConfigFile> file, const AdminParts& parts);

  void MakeTykApi();
  [[nodiscard]] admin::DeployerOptions Deployer();
  void KeepDeployerKeys();
  void WaitForReplicas(uint64_t epoch, uint64_t revision, std::function<void(bool)> done);
  void LookAtFile();

  [[nodiscard]] absl::Status Listen();
  [[nodiscard]] absl::Status ListenForApisix();
  [[nodiscard]] absl::Status ListenInPlainHttp();
  [[nodiscard]] admin_http::Handler TykHandler();
  [[nodiscard]] admin_http::Handler ApisixHandler();

  // In order of dependence: what is below uses what is above.
  const config::AuthsvcConfig config_;
  const apisix::AdminApiSettings settings_;  // at the start
  const AdminParts parts_;
  std::unique_ptr<apisix::AdminApi> apisix_;
  AdminWorker waiters_{4, 64};
  std::unique_ptr<admin::TykApi> tyk_;
  ServerPtr admin_;
  ServerPtr plain_;  // both of APISIX's Admin API alone; null: it has none
  ServerPtr apart_;
  std::unique_ptr<ApisixConfigFile> file_;
  std::optional<apisix::Surroundings> unsynced_;  // of the ticker's thread
  std::unique_ptr<Ticker> file_ticker_;
  std::unique_ptr<Ticker> deployer_ticker_;
};

}  // namespace sallyport::authsvc
