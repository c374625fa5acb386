// sallyport-authsvc: wires configuration, store, snapshot, push, gRPC, the HTTP surfaces and the
// watchdog, then waits for a signal. Everything that decides or writes is in the folders.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "authsvc/admin/tyk_config.h"
#include "authsvc/change/master_key.h"
#include "authsvc/change/writer.h"
#include "authsvc/decide/memo.h"
#include "authsvc/events/notifier.h"
#include "authsvc/jwks/follow_issuers.h"
#include "authsvc/logins/login_checker.h"
#include "authsvc/push/change_rules.h"
#include "authsvc/rpc/denied_callers.h"
#include "authsvc/rpc/server.h"
#include "authsvc/setup/apisix_config.h"
#include "authsvc/setup/apisix_settings.h"
#include "authsvc/setup/check_config.h"
#include "authsvc/setup/event_report.h"
#include "authsvc/setup/jwks_report.h"
#include "authsvc/store/sqlite_store.h"
#include "authsvc/surfaces/admin_surface.h"
#include "authsvc/surfaces/metrics_surface.h"
#include "authsvc/tickets/ticket_keeper.h"
#include "authsvc/watchdog/ticker.h"
#include "authsvc/watchdog/watchdog.h"
#include "shared/admin_http/server.h"
#include "shared/base/clock.h"
#include "shared/base/log.h"
#include "shared/base/text.h"
#include "shared/base/version.h"
#include "shared/config/authsvc_config.h"
#include "shared/crypto/sealer.h"
#include "shared/metrics/sheet.h"

namespace sallyport::authsvc {
namespace {

using config::AuthsvcConfig;

constexpr absl::Duration kGrace = absl::Seconds(5);
constexpr absl::Duration kLookAtCertificates = absl::Minutes(10);

RoleMap MakeRoles(const AuthsvcConfig& config) {
  std::vector<RoleMapping> mappings;
  for (const config::RoleConfig& role : config.roles) {
    mappings.push_back(
        {role.fingerprint, role.san, {RoleFromName(role.role), role.group, role.name}});
  }
  return {config.trust_domain, std::move(mappings)};
}

DecisionBounds MakeBounds(const AuthsvcConfig& config) {
  DecisionBounds bounds;
  bounds.ttl = config.decision_ttl;
  bounds.stale_if_error_seconds =
      static_cast<uint32_t>(absl::ToInt64Seconds(config.stale_if_error));
  return bounds;
}

class Service {
 public:
  // `own`: the configuration without what an APISIX configuration laid over it; `apisix`: what both
  // mean to that Admin API.
  Service(const AuthsvcConfig& config, const AuthsvcConfig& own, apisix::AdminApiSettings apisix,
          std::vector<std::string> environment)
      : config_(config),
        apisix_settings_(std::move(apisix)),
        environment_(std::move(environment)),
        clock_(base::SystemClock()),
        roles_(MakeRoles(config)),
        replicas_(&clock_),
        telemetry_(&clock_, Telemetry(config)),
        watchdog_([this] { return StoreState(); }) {
    if (!own.apisix_config.empty()) {
      apisix_config_ =
          std::make_unique<ApisixConfigFile>(own, config_, apisix_settings_, environment_);
    }
  }

  ~Service() { Stop(); }

  absl::Status Start() {
    for (const auto step : {&Service::OpenStore, &Service::StartPush, &Service::TakeTykConfig,
                            &Service::ReadDenied, &Service::StartTickets, &Service::MakeAdmin,
                            &Service::StartRpc, &Service::StartAdmin, &Service::StartMetrics}) {
      absl::Status status = (this->*step)();
      if (!status.ok()) return status;
    }
    watchdog_.OnChange([this](const HealthState& state) {
      if (rpc_ != nullptr) rpc_->SetHealth(state);
    });
    watch_ = std::make_unique<Ticker>(absl::Seconds(1), [this] { watchdog_.Tick(); });
    beat_ = std::make_unique<Ticker>(absl::Seconds(1), [this] {
      if (denied_ != nullptr && denied_->Look()) {
        tickets_->SetDenied(denied_->in_force().Entries());
        return rpc_->RecheckCallers();
      }
      hub_->Beat();
    });
    admin_->FollowFile();
    base::Log(base::Level::kInfo, "started",
              {{"grpc_port", static_cast<int>(rpc_->port())},
               {"admin_port", static_cast<int>(admin_->port())},
               {"metrics_port", static_cast<int>(metrics_->port())},
               {"store", config_.store},
               {"revision", writer_->snapshot()->revision()}});
    return absl::OkStatus();
  }

  // In the order in which nothing calls what is gone. May be called more than once.
  void Stop() {
    replicas_.EndWaits();  // /tyk/reload?block=true
    if (admin_ != nullptr) admin_->Stop(kGrace);
    beat_.reset();
    watch_.reset();
    if (rpc_ != nullptr) rpc_->Stop(kGrace);
    if (metrics_ != nullptr) metrics_->Stop(absl::Seconds(1));
  }

  void ReloadCertificates() {
    const absl::Status status = admin_->ReloadCertificates();
    base::Log(status.ok() ? base::Level::kInfo : base::Level::kError, "certificate.reload",
              {{"result", status}});
  }

 private:
  static TelemetryOptions Telemetry(const AuthsvcConfig& config) {
    TelemetryOptions options;
    options.refusals = config.refusals_kept;
    options.kept = config.telemetry_kept;
    return options;
  }

  StoreHealth StoreState() const {
    const WriterStatus status = writer_->status();
    StoreHealth health;
    health.loaded = true;  // Writer::Start loaded it
    health.writable = status.store_writable;
    health.error = status.last_error.ToString();
    health.proof_age = clock_.Monotonic() - status.proven_current;
    return health;
  }

  absl::Status OpenStore() {
    auto sealer = ReadMasterKey(config_.master_key_file);
    if (!sealer.ok()) return sealer.status();
    sealer_ = *std::move(sealer);
    auto store = OpenSqliteStore(std::string(absl::StripPrefix(config_.store, "sqlite:")));
    if (!store.ok())
      return absl::Status(store.status().code(),
                          absl::StrCat("store: ", std::string(store.status().message())));
    store_ = *std::move(store);
    Writer::Options options;
    options.clock = &clock_;
    options.sealer = sealer_.get();
    auto writer = Writer::Start(store_.get(), options);
    if (!writer.ok())
      return absl::Status(writer.status().code(),
                          absl::StrCat("store: ", std::string(writer.status().message())));
    writer_ = *std::move(writer);
    return absl::OkStatus();
  }

  absl::Status StartPush() {
    // The writer's observer uses it.
    key_sets_ = std::make_unique<JwksFetcher>(JwksOptions(), &clock_, JwksReport(&book_));
    HubOptions options;
    options.history_changes = config_.push_history;
    options.proof_age_ms = [this] {
      return absl::ToInt64Milliseconds(clock_.Monotonic() - writer_->status().proven_current);
    };
    options.connected_replicas = [this] { return replicas_.Connected(); };
    hub_ = std::make_unique<Hub>(writer_->snapshot(), std::move(options));
    writer_->Observe([this](const SnapshotPtr& before, const SnapshotPtr& after,
                            const std::vector<SnapshotChange>& changes) {
      if (before == nullptr || before->store_id() != after->store_id() ||
          before->epoch() != after->epoch()) {
        hub_->Reset(after);
        key_sets_->KeepThoseOf(*after);
        return PrefetchAll(*after, key_sets_.get());
      }
      hub_->Publish(after, RecordOf(*before, *after, changes, clock_.Now()));
      FollowIssuers(*before, *after, changes, key_sets_.get());
    });
    return absl::OkStatus();
  }

  absl::Status TakeTykConfig() {
    if (config_.tyk_config.empty()) return admin::RefuseTykEnvironment(environment_);
    auto text = ReadSettingFile(config_.tyk_config, "tyk_config");
    if (!text.ok()) return text.status();
    return admin::TakeTykConfig(*writer_, clock_, config_.admin.org_id,
                                {config_.tyk_config, *std::move(text), environment_});
  }

  absl::Status ReadDenied() {
    if (config_.denied_callers_file.empty()) return absl::OkStatus();
    auto denied = DeniedCallersFile::Start(config_.denied_callers_file, &roles_);
    if (!denied.ok()) return denied.status();
    denied_ = *std::move(denied);
    return absl::OkStatus();
  }

  absl::Status StartTickets() {
    TicketKeeper::Options options;
    options.clock = &clock_;
    options.store = store_.get();
    options.sealer = sealer_.get();
    options.rotate_every = config_.ticket_keys_rotate_every;
    options.concerns = [this](absl::string_view entry, absl::string_view group) {
      return MayNameDataplane(roles_, entry, group);
    };
    options.needs_look = [this] {
      if (ticket_ticker_ != nullptr) ticket_ticker_->Nudge();
    };
    options.made = [this](absl::string_view cause) {
      book_.Add(metrics::Id::kTicketKeysMade, {cause}, 1);
    };
    tickets_ = std::make_unique<TicketKeeper>(std::move(options));
    if (denied_ != nullptr) tickets_->SetDenied(denied_->in_force().Entries());
    ticket_ticker_ = std::make_unique<Ticker>(absl::Seconds(1), [this] { tickets_->Look(); });
    return absl::OkStatus();
  }

  absl::Status MakeAdmin() {
    auto admin =
        AdminSurface::Create(config_, apisix_settings_, std::move(apisix_config_),
                             {&clock_, writer_.get(), &replicas_, &telemetry_, key_sets_.get()});
    if (!admin.ok()) return admin.status();
    admin_ = *std::move(admin);
    return absl::OkStatus();
  }

  absl::Status StartRpc() {
    RpcServerOptions options;
    options.address = config_.grpc.address;
    options.port = config_.grpc.port;
    options.tls = config_.grpc.tls;
    options.reflection = config_.grpc.reflection;
    options.max_connection_age = config_.grpc.max_connection_age;
    options.max_connection_grace = config_.grpc.max_connection_grace;
    options.max_request_bytes = config_.grpc.max_request_bytes;
    options.max_admin_bytes = config_.grpc.max_admin_bytes;
    options.bounds = MakeBounds(config_);
    options.default_org_id = config_.admin.org_id;
    options.apk_sandbox_hosts = config_.apk.sandbox_hosts;
    NotifierOptions events;
    events.open_header = [this](const v1::Api& api, const v1::EventHandler& handler,
                                const std::string& name) {
      return writer_->OpenHandlerHeader(api, handler, name);
    };
    notifier_ = std::make_unique<Notifier>(
        std::move(events), &clock_, [this] { return writer_->snapshot(); }, EventReport(&book_));
    telemetry_.Observe([this](const v1::ReportRequest& report) { notifier_->Take(report); });
    certificate_ticker_ =
        std::make_unique<Ticker>(kLookAtCertificates, [this] { notifier_->LookAtCertificates(); });
    logins_ = std::make_unique<LoginChecker>(LoginOptions(), &clock_, [this](const v1::Key& key) {
      return writer_->OpenLoginHash(key);
    });
    auto rpc = RpcServer::Start(
        options, {&clock_, &roles_, writer_.get(), hub_.get(), &replicas_, &telemetry_, &memo_,
                  &book_, tickets_.get(), key_sets_.get(), logins_.get(),
                  [this](absl::string_view who, const v1::ApplyRequest& request) {
                    return admin_->Import(who, request);
                  }});
    if (!rpc.ok()) return rpc.status();
    rpc_ = *std::move(rpc);
    PrefetchAll(*writer_->snapshot(), key_sets_.get());
    return absl::OkStatus();
  }

  absl::Status StartAdmin() { return admin_->Start(); }

  absl::Status StartMetrics() {
    auto metrics = authsvc::StartMetrics(config_, {&clock_, writer_.get(), &replicas_, rpc_.get(),
                                                   tickets_.get(), &watchdog_, &book_});
    if (!metrics.ok()) return metrics.status();
    metrics_ = *std::move(metrics);
    return absl::OkStatus();
  }

  // In order of dependence: what is below uses what is above.
  const AuthsvcConfig config_;
  const apisix::AdminApiSettings apisix_settings_;  // at the start
  const std::vector<std::string> environment_;
  const base::Clock& clock_;
  RoleMap roles_;
  metrics::Book book_;
  Replicas replicas_;
  TelemetryStore telemetry_;
  DecisionMemo memo_;
  std::unique_ptr<JwksFetcher> key_sets_;
  std::unique_ptr<const crypto::Sealer> sealer_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<Writer> writer_;  // its observers use the hub
  Watchdog watchdog_;
  std::unique_ptr<LoginChecker> logins_;
  std::unique_ptr<Notifier> notifier_;
  std::unique_ptr<Ticker> certificate_ticker_;
  std::unique_ptr<TicketKeeper> tickets_;
  std::unique_ptr<Ticker> ticket_ticker_;
  std::unique_ptr<ApisixConfigFile> apisix_config_;  // until the admin surface has it
  std::unique_ptr<AdminSurface> admin_;
  std::unique_ptr<RpcServer> rpc_;
  std::unique_ptr<admin_http::Server> metrics_;
  std::unique_ptr<DeniedCallersFile> denied_;
  std::unique_ptr<Ticker> watch_;
  std::unique_ptr<Ticker> beat_;
};

// No core dumps (they would hold keys), no files for others.
void Harden() {
  prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  umask(S_IRWXG | S_IRWXO);
}

sigset_t Signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

// Warnings are told at once: the log does not run yet.
absl::Status ReadApisixConfig(AuthsvcConfig* config) {
  if (config->apisix_config.empty()) return absl::OkStatus();
  auto text = ReadSettingFile(config->apisix_config, "apisix_config");
  if (!text.ok()) return text.status();
  const auto warnings = TakeApisixConfig(*text, config);
  if (!warnings.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(config->apisix_config, ": ", warnings.status().message()));
  }
  for (const std::string& warning : *warnings) {
    std::fprintf(stderr, "sallyport-authsvc: warning: %s: %s\n", config->apisix_config.c_str(),
                 warning.c_str());
  }
  return absl::OkStatus();
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "sallyport-authsvc: %s\n", std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? 2 : 1;
}

// What a running service takes up of a file that was read again: log_level.
void Reread(const std::vector<std::string>& args, const std::vector<std::string>& environment) {
  const auto line = config::ParseCommandLine(args, environment, config::AuthsvcFlags());
  const absl::StatusOr<AuthsvcConfig> again =
      line.ok() ? config::MakeAuthsvcConfig(line->root) : line.status();
  if (!again.ok()) {
    return base::Log(base::Level::kError, "settings.not_read",
                     {{"error", again.status()}, {"hint", "what was read before goes on"}});
  }
  base::Level level = base::Level::kInfo;
  if (base::ParseLevel(again->log_level, &level)) base::SetLogLevel(level);
  base::Log(base::Level::kInfo, "settings.read", {{"log_level", again->log_level}});
}

int Serve(const AuthsvcConfig& config, const AuthsvcConfig& own,
          const apisix::AdminApiSettings& apisix, const std::vector<std::string>& args,
          const std::vector<std::string>& environment) {
  const sigset_t signals = Signals();
  pthread_sigmask(SIG_BLOCK, &signals,
                  nullptr);  // before the first thread: only sigwait takes them
  base::Level level = base::Level::kInfo;
  (void)base::ParseLevel(config.log_level, &level);
  base::InitLog("authsvc", level);
  std::signal(SIGPIPE, SIG_IGN);
  Service service(config, own, apisix, environment);
  if (absl::Status status = service.Start(); !status.ok()) {
    base::FlushLog();
    return Fail(status);
  }
  int number = 0;
  while (sigwait(&signals, &number) == 0 && number == SIGHUP) {
    Reread(args, environment);
    service.ReloadCertificates();
  }
  base::Log(base::Level::kInfo, "stopping", {{"signal", number}});
  service.Stop();
  base::FlushLog();
  return 0;
}

int CheckConfig(const AuthsvcConfig& config, const std::vector<std::string>& environment) {
  const ConfigReport report = LookAtConfig(config, environment, base::SystemClock().Now());
  for (const std::string& warning : report.warnings) {
    std::fprintf(stderr, "sallyport-authsvc: warning: %s\n", warning.c_str());
  }
  for (const std::string& problem : report.problems)
    std::fprintf(stderr, "sallyport-authsvc: %s\n", problem.c_str());
  if (report.problems.empty()) std::puts("configuration is usable");
  return report.problems.empty() ? 0 : 2;
}

int Main(const std::vector<std::string>& args) {
  Harden();
  const std::vector<std::string> environment = config::ProcessEnvironment();
  auto line = config::ParseCommandLine(args, environment, config::AuthsvcFlags());
  if (!line.ok()) return Fail(absl::InvalidArgumentError(line.status().message()));
  if (line->help) {
    std::fputs(
        config::HelpText("sallyport-authsvc",
                         "Holds certificates, APIs, keys and policies; decides who may call what.",
                         config::AuthsvcFlags())
            .c_str(),
        stdout);
    return 0;
  }
  if (line->version) {
    std::printf("sallyport-authsvc %s\n", base::kVersion);
    return 0;
  }
  auto config = config::MakeAuthsvcConfig(line->root);
  if (!config.ok()) return Fail(config.status());
  const AuthsvcConfig own = *config;
  if (const auto status = ReadApisixConfig(&*config); !status.ok()) return Fail(status);
  if (line->print_settings) {
    for (const config::Setting& setting : config::SettingsOf(*config)) {
      std::printf("%s: %s  # %s\n", setting.path.c_str(), setting.value.c_str(),
                  setting.help.c_str());
    }
    return 0;
  }
  if (line->check_config) return CheckConfig(*config, environment);
  const auto apisix = ApisixSettings(*config, environment, base::SystemClock().Now());
  if (!apisix.ok()) return Fail(absl::InvalidArgumentError(apisix.status().message()));
  return Serve(*config, own, *apisix, args, environment);
}

}  // namespace
}  // namespace sallyport::authsvc

int main(int argc, char** argv) {
  // Debian's Abseil looks for deadlocks at every lock; ours are looked for by annotations and TSan.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  return sallyport::authsvc::Main(std::vector<std::string>(argv + 1, argv + argc));
}
