#include "authsvc/surfaces/admin_surface.h"

#include <utility>

#include "authsvc/apisix/sync.h"
#include "authsvc/change/writer.h"
#include "authsvc/push/replicas.h"
#include "authsvc/setup/key_usage.h"
#include "authsvc/surfaces/listener.h"
#include "shared/admin_http/router.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::Duration kReloadPatience = absl::Seconds(10);
constexpr absl::Duration kLookAtDeployerKeys = absl::Seconds(30);

std::vector<admin::AdminKey> TykKeys(const std::vector<apisix::AdminKey>& all) {
  std::vector<admin::AdminKey> keys;
  for (const apisix::AdminKey& key : all) {
    if (!key.viewer && !key.apisix_only) keys.push_back({key.name, key.sha256});
  }
  return keys;
}

}  // namespace

AdminSurface::AdminSurface(const config::AuthsvcConfig& config, apisix::AdminApiSettings settings,
                           std::unique_ptr<ApisixConfigFile> file, const AdminParts& parts)
    : config_(config), settings_(std::move(settings)), parts_(parts), file_(std::move(file)) {
  apisix::AdminApiOptions options;
  options.settings = settings_;
  apisix_ = std::make_unique<apisix::AdminApi>(std::move(options), parts_.writer, parts_.clock);
}

absl::StatusOr<std::unique_ptr<AdminSurface>> AdminSurface::Create(
    const config::AuthsvcConfig& config, apisix::AdminApiSettings settings,
    std::unique_ptr<ApisixConfigFile> file, const AdminParts& parts) {
  const absl::Status stored =
      apisix::SyncSurroundings(*parts.writer, settings.surroundings, parts.clock->Now());
  if (!stored.ok()) return stored;
  return std::unique_ptr<AdminSurface>(
      new AdminSurface(config, std::move(settings), std::move(file), parts));
}

absl::Status AdminSurface::Start() {
  MakeTykApi();
  absl::Status status = Listen();
  if (status.ok() && config_.admin.apisix_port != 0) status = ListenForApisix();
  if (status.ok() && config_.admin.apisix_plain_http_port != 0) status = ListenInPlainHttp();
  return status;
}

void AdminSurface::FollowFile() {
  if (file_ == nullptr) return;
  file_ticker_ = std::make_unique<Ticker>(absl::Seconds(1), [this] { LookAtFile(); });
}

void AdminSurface::Stop(absl::Duration grace) {
  for (const ServerPtr* server : {&plain_, &apart_, &admin_}) {
    if (*server != nullptr) (*server)->Stop(grace);
  }
  file_ticker_.reset();
  deployer_ticker_.reset();
}

absl::Status AdminSurface::ReloadCertificates() {
  absl::Status status = admin_->ReloadCertificate();
  if (apart_ != nullptr) status.Update(apart_->ReloadCertificate());
  return status;
}

// A file that changed. What the store does not take is tried again.
void AdminSurface::LookAtFile() {
  if (auto changed = file_->Look(parts_.clock->Now())) {
    tyk_->SetKeys(TykKeys(changed->keys));
    unsynced_ = changed->surroundings;
    apisix_->Set(*std::move(changed));
  }
  if (!unsynced_.has_value()) return;
  const absl::Status status =
      apisix::SyncSurroundings(*parts_.writer, *unsynced_, parts_.clock->Now());
  if (status.ok()) return unsynced_.reset();
  base::Log(base::Level::kError, "apisix_config.not_stored", {{"error", status}});
}

void AdminSurface::MakeTykApi() {
  admin::TykApiOptions options;
  options.keys = TykKeys(settings_.keys);
  options.default_org_id = config_.admin.org_id;
  options.deployer = Deployer();
  if (!config_.apk.token_issuer.empty()) {
    KeepDeployerKeys();
    deployer_ticker_ =
        std::make_unique<Ticker>(kLookAtDeployerKeys, [this] { KeepDeployerKeys(); });
  }
  options.usage = [this](absl::string_view key_id) {
    return UsageOf(*parts_.telemetry, key_id, *parts_.clock);
  };
  tyk_ = std::make_unique<admin::TykApi>(
      std::move(options), parts_.writer, parts_.clock,
      [this](uint64_t epoch, uint64_t revision, std::function<void(bool)> done) {
        WaitForReplicas(epoch, revision, std::move(done));
      });
}

admin::DeployerOptions AdminSurface::Deployer() {
  admin::DeployerOptions options;
  options.name_space = config_.apk.name_space;
  options.sandbox_hosts = config_.apk.sandbox_hosts;
  options.token_issuer = config_.apk.token_issuer;
  options.audience = config_.apk.token_audience;
  options.scope = config_.apk.token_scope;
  options.key_sets = parts_.key_sets;
  options.fetch = [parts = parts_](const std::string& issuer_id) {
    parts.key_sets->Fetch(*parts.writer->snapshot(), {issuer_id}, [] {});
  };
  return options;
}

// So that the first token after a while does not find none.
void AdminSurface::KeepDeployerKeys() {
  const SnapshotPtr now = parts_.writer->snapshot();
  const TokenIssuerEntry* const entry = now->FindTokenIssuer(config_.apk.token_issuer);
  if (entry == nullptr || entry->issuer.jwks_url().empty()) return;
  if (parts_.key_sets->Find(entry->issuer) == nullptr)
    parts_.key_sets->Fetch(*now, {entry->issuer.id()}, [] {});
}

void AdminSurface::WaitForReplicas(uint64_t epoch, uint64_t revision,
                                   std::function<void(bool)> done) {
  const auto shared = std::make_shared<std::function<void(bool)>>(std::move(done));
  const auto wait = [this, epoch, revision, shared] {
    (*shared)(parts_.replicas->WaitAcknowledged(epoch, revision, kReloadPatience));
  };
  if (!waiters_.Do(wait)) {
    (*shared)(false);
  }
}

}  // namespace sallyport::authsvc
