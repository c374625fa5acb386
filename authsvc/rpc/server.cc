#include "authsvc/rpc/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_builder_plugin.h>
#include <grpcpp/resource_quota.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/writer.h"
#include "authsvc/rpc/admin_service.h"
#include "authsvc/rpc/admin_worker.h"
#include "authsvc/rpc/authorization_service.h"
#include "authsvc/rpc/distribution_service.h"
#include "authsvc/rpc/lookups.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/recent_callers.h"
#include "authsvc/rpc/revision_gate.h"
#include "authsvc/rpc/server_end.h"
#include "authsvc/rpc/stream_pump.h"
#include "authsvc/rpc/telemetry_service.h"
#include "authsvc/rpc/tls_credentials.h"
#include "authsvc/rpc/watch_log.h"
#include "authsvc/watchdog/watchdog.h"
#include "shared/base/happens_before.h"

SALLYPORT_TSAN_OPTIONS_WITH_GRPC

namespace sallyport::authsvc {
namespace {

constexpr std::array<const char*, 3> kDeciding = {
    "sallyport.v1.Authorization", "sallyport.v1.Distribution", "sallyport.v1.Telemetry"};

// For what all connections have received and not yet handled: beyond it gRPC reads no further and
// refuses.
constexpr size_t kMostMemory = 512U << 20;

int Milliseconds(absl::Duration time) { return static_cast<int>(absl::ToInt64Milliseconds(time)); }

// The reflection library adds itself to every server of a process that links it.
class WithoutReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [](const auto& plugin) {
                                    return plugin->name() == "proto_server_reflection";
                                  }),
                   plugins->end());
  }
};

// What the writer's observer touches: kept alive by it while it runs, also when the server goes
// meanwhile.
struct News {
  News(const base::Clock* clock, Writer* writer)
      : gate(clock, [writer] { return writer->snapshot(); }), log(writer->snapshot()->revision()) {}

  void Tell(const SnapshotPtr& before, const SnapshotPtr& after,
            const std::vector<SnapshotChange>& changes) {
    gate.Advanced();
    if (before == nullptr || before->store_id() != after->store_id() ||
        before->epoch() != after->epoch()) {
      return log.Restart(after->revision());
    }
    for (const SnapshotChange& change : changes) {
      if (!change.recompiled) log.Add(after->revision(), change.kind, change.id, change.deleted);
    }
    log.Announce();
  }

  RevisionGate gate;
  WatchLog log;
};

class GrpcServer final : public RpcServer {
 public:
  GrpcServer(const RpcServerOptions& options, const RpcServerParts& parts)
      : meter_(parts.book),
        news_(std::make_shared<News>(parts.clock, parts.writer)),
        lookups_(parts.clock),
        recent_(parts.clock, RecentOptions()),
        parts_(Shared(options, parts)),
        authorization_(parts_),
        distribution_(parts_),
        telemetry_(parts_),
        admin_(parts_) {}

  ~GrpcServer() override { Stop(absl::ZeroDuration()); }

  absl::Status Listen(const RpcServerOptions& options, Writer* writer) {
    auto files = ServerTlsFiles::Start(options.tls, options.certificate_reload);
    if (!files.ok()) return files.status();
    tls_files_ = *std::move(files);
    grpc::ServerBuilder builder;
    Configure(options, &builder);
    int port = 0;
    const bool v6 = absl::StrContains(options.address, ":");
    builder.AddListeningPort(
        absl::StrCat(v6 ? "[" : "", options.address, v6 ? "]:" : ":", options.port),
        tls_files_->credentials(), &port);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address, " port ",
                                                 options.port,
                                                 ": in use? (grpc.address, grpc.port)"));
    }
    port_ = static_cast<uint16_t>(port);
    SetHealth({});
    Follow(writer);
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

  void SetHealth(const HealthState& state) override {
    if (server_ == nullptr) return;  // stopped
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    if (health == nullptr) return;
    for (const char* name : kDeciding) health->SetServingStatus(name, state.deciding);
    health->SetServingStatus("sallyport.v1.Admin", state.administering);
    health->SetServingStatus("", state.deciding);
  }

  absl::Time certificate_not_after() const override {
    return tls_files_ == nullptr ? absl::InfiniteFuture() : tls_files_->not_after();
  }

  void RecheckCallers() override {
    parts_.hub->Beat();
    news_->log.Announce();
  }

  void Stop(absl::Duration grace) override {
    if (server_ == nullptr) return;
    distribution_.EndStreams();
    news_->log.Close();
    lookups_.Close();
    server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(grace));
    server_->Wait();
    server_.reset();
    AllCallsHaveEnded();
  }

 private:
  ServiceParts Shared(const RpcServerOptions& options, const RpcServerParts& parts) {
    ServiceParts shared;
    shared.clock = parts.clock;
    shared.roles = parts.roles;
    shared.writer = parts.writer;
    shared.hub = parts.hub;
    shared.replicas = parts.replicas;
    shared.telemetry = parts.telemetry;
    shared.tickets = parts.tickets;
    shared.lookups = &lookups_;
    shared.recent = &recent_;
    shared.memo = parts.memo;
    shared.key_sets = parts.key_sets;
    shared.logins = parts.logins;
    shared.import_apisix = parts.import_apisix;
    shared.meter = &meter_;
    shared.gate = &news_->gate;
    shared.pump = pump_;
    shared.watch_log = &news_->log;
    shared.worker = &worker_;
    shared.explainer = &explainer_;
    shared.bounds = options.bounds;
    shared.default_org_id = options.default_org_id;
    shared.apk_sandbox_hosts = options.apk_sandbox_hosts;
    shared.max_request_bytes = options.max_request_bytes;
    shared.max_stream_age = options.max_connection_age;
    shared.lookup_patience = options.lookup_patience;
    shared.certificate_not_after = [this] { return certificate_not_after(); };
    return shared;
  }

  void Configure(const RpcServerOptions& options, grpc::ServerBuilder* builder) {
    builder->RegisterService(&authorization_);
    builder->RegisterService(&distribution_);
    builder->RegisterService(&telemetry_);
    builder->RegisterService(&admin_);
    if (!options.reflection) builder->SetOption(std::make_unique<WithoutReflection>());
    grpc::ResourceQuota quota("authsvc");
    quota.Resize(kMostMemory);
    builder->SetResourceQuota(quota);
    builder->SetMaxReceiveMessageSize(static_cast<int>(options.max_admin_bytes));
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                                Milliseconds(options.max_connection_age));
    builder->AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
                                Milliseconds(options.max_connection_grace));
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
    builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
    builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
    builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 16 * 1024);
    builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 4096);
    builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT,
                                0);  // a second process must fail, not share
  }

  void Follow(Writer* writer) {
    writer->Observe(
        [weak = std::weak_ptr<News>(news_)](const SnapshotPtr& before, const SnapshotPtr& after,
                                            const std::vector<SnapshotChange>& changes) {
          if (const auto news = weak.lock()) news->Tell(before, after, changes);
        });
  }

  RpcMeter meter_;
  std::shared_ptr<News> news_;
  const std::shared_ptr<StreamPump> pump_ = std::make_shared<StreamPump>();
  Lookups lookups_;
  RecentCallers recent_;
  AdminWorker worker_;
  AdminWorker explainer_{4, 64};
  const ServiceParts parts_;
  AuthorizationService authorization_;
  DistributionService distribution_;
  TelemetryService telemetry_;
  AdminService admin_;
  std::unique_ptr<ServerTlsFiles> tls_files_;
  std::unique_ptr<grpc::Server> server_;  // first to go: nothing calls a service after that
  uint16_t port_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RpcServer>> RpcServer::Start(const RpcServerOptions& options,
                                                            const RpcServerParts& parts) {
  // Both are process-wide switches of gRPC that must be thrown before the first server is built.
  static std::once_flag once;
  std::call_once(once, [] { grpc::EnableDefaultHealthCheckService(true); });
  if (options.reflection) {
    static std::once_flag reflection;
    std::call_once(reflection, [] { grpc::reflection::InitProtoReflectionServerBuilderPlugin(); });
  }
  auto server = std::make_unique<GrpcServer>(options, parts);
  absl::Status status = server->Listen(options, parts.writer);
  if (!status.ok()) return status;
  return server;
}

}  // namespace sallyport::authsvc
