#include "dataplane/listen/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dataplane/http/upgrade.h"
#include "dataplane/listen/changed_settings.h"
#include "dataplane/listen/loop_server.h"
#include "dataplane/listen/process_metrics.h"
#include "dataplane/listen/process_options.h"
#include "dataplane/sync/grpc_authsvc_client.h"
#include "shared/admin_http/router.h"
#include "shared/admin_http/server.h"
#include "shared/base/log.h"
#include "shared/base/mutex.h"
#include "shared/base/text.h"
#include "shared/cache/generations.h"

namespace sallyport::dataplane {
namespace {

using config::DataplaneConfig;

constexpr absl::Duration kLoopPatience = absl::Seconds(5);
constexpr absl::Duration kLastAnswers = absl::Seconds(1);  // of the metrics listener

// What every loop says to one question. Shared by them and by who asks, who may have given up.
template <typename Answer>
class LoopAnswers {
 public:
  explicit LoopAnswers(size_t loops) : loops_(loops) {}
  void Give(Answer answer) {
    const base::MutexLock lock(&mutex_);
    answers_.push_back(std::move(answer));
    given_.Signal();
  }
  // Nothing: they did not all answer in time.
  std::optional<std::vector<Answer>> Wait(absl::Duration patience) {
    const base::MutexLock lock(&mutex_);
    const base::Clock& clock = base::SystemClock();
    const absl::Duration until = clock.Monotonic() + patience;
    while (answers_.size() < loops_) {
      const absl::Duration left = until - clock.Monotonic();
      if (left <= absl::ZeroDuration()) return std::nullopt;
      given_.WaitWithTimeout(&mutex_, left);
    }
    return std::move(answers_);
  }

 private:
  const size_t loops_;
  base::Mutex mutex_;
  base::CondVar given_;
  std::vector<Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

// Members in order of dependence: what is below uses what is above.
class Process final : public DataplaneProcess {
 public:
  Process(const DataplaneConfig& config, std::unique_ptr<InheritedSockets> inherited,
          ReadAgain read_again)
      : config_(config),
        read_again_(std::move(read_again)),
        inherited_(std::move(inherited)),
        awaits_take_over_(inherited_ != nullptr && inherited_->from_predecessor()),
        settings_(ExchangeSettingsOf(config_)),
        name_(ReplicaName(config_)),
        clock_(base::SystemClock()),
        ticket_keys_(clock_, [this] { return stream_.LastProof(); }),
        connection_limits_(ConnectionLimit(config_), config_.limits.connections_per_address,
                           config_.limits.handshakes_per_second),
        tunnels_(config_.limits.tunnels),
        scripts_(ScriptOptions(config_), clock_),
        limiter_({}, &clock_),
        resolver_(NameOptions(config_)),
        trust_(TrustOptions(config_)) {}

  ~Process() override { Stop(); }

  absl::Status Prepare() {
    for (const std::string& text : config_.trusted_proxies) {
      if (ParseAddressRange(text).has_value()) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("trusted_proxies: \"", text, "\" is neither an address nor a CIDR"));
    }
    for (const std::string& protocol : config_.upgrades) {
      const std::string problem = UpgradeProblem(base::ToAbsl(protocol));
      if (!problem.empty()) return absl::InvalidArgumentError(absl::StrCat("upgrades: ", problem));
    }
    const std::string scripts = ScriptProgramProblem(config_.scripts.program);
    if (!scripts.empty()) return absl::InvalidArgumentError(scripts);
    absl::Status made = MakeClient();
    if (!made.ok()) return made;
    MakeHubs();
    auto log = AccessLog::Open(config_.access_log, LoopCount(config_));
    if (!log.ok()) return log.status();
    access_log_ = *std::move(log);
    telemetry_ = std::make_unique<TelemetryReporter>(TelemetryReporter::Options(), client_.get(),
                                                     &clock_, LoopCount(config_));
    trust_.Start();
    made = MakeLoops();
    if (!made.ok()) return made;
    RegisterMetrics();
    // Until it is ready only its predecessor is to be asked whether it is.
    return awaits_take_over_ ? absl::OkStatus() : MakeAdmin();
  }

  void Start() override {
    Trace(config_);
    if (config_.scripts.helpers > 0 && !scripts_.NoProgram().empty()) {
      base::Log(base::Level::kWarning, "scripts.no_program",
                {{"file", scripts_.NoProgram()},
                 {"hint",
                  "virtual endpoints will fail: install sallyport-script there, or name it in "
                  "scripts.program"}});
    }
    for (const auto& loop : loops_) loop->Start();
    for (const auto& loop : loops_) subscriber_->AddLoop(loop.get());
    client_->Subscribe(subscriber_.get());
  }

  bool Ready() const override { return stream_.Ready(); }
  bool AwaitsTakeOver() const override { return awaits_take_over_; }

  absl::Status TakeOver() override {
    absl::Status made = MakeAdmin();
    if (!made.ok()) return made;
    const auto all = std::make_shared<LoopAnswers<absl::Status>>(loops_.size());
    for (const auto& loop : loops_) {
      loop->BeginAccepting([all](absl::Status begun) { all->Give(std::move(begun)); });
    }
    const auto answers = all->Wait(kLoopPatience);
    if (!answers.has_value()) return absl::DeadlineExceededError("a loop is held up");
    for (const absl::Status& begun : *answers) {
      if (!begun.ok()) return begun;
    }
    awaits_take_over_ = false;
    inherited_->CloseRest();
    inherited_->TellReady();
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<int>> CopySockets() override {
    const auto all = std::make_shared<LoopAnswers<std::vector<int>>>(loops_.size());
    for (const auto& loop : loops_) {
      loop->CopySockets([all](std::vector<int> copies) { all->Give(std::move(copies)); });
    }
    const auto answers = all->Wait(kLoopPatience);
    if (!answers.has_value()) return absl::DeadlineExceededError("a loop is held up");
    std::vector<int> sockets;
    for (const std::vector<int>& copies : *answers)
      sockets.insert(sockets.end(), copies.begin(), copies.end());
    if (admin_ != nullptr) sockets.push_back(admin_->CopySocket());
    if (std::find(sockets.begin(), sockets.end(), -1) == sockets.end()) return sockets;
    for (const int fd : sockets) {
      if (fd >= 0) close(fd);
    }
    return absl::ResourceExhaustedError("no descriptors left for copies of the sockets");
  }

  void DrainAndStop() override {
    draining_ = true;
    const absl::Duration until = clock_.Monotonic() + config_.timeouts.drain;
    GiveNotice(std::min(config_.timeouts.drain_notice, config_.timeouts.drain));
    Drain(until, /*last_holder=*/true);
  }

  void HandOverAndStop() override {
    // First: who asks whether this place is ready gets the successor's answer.
    if (admin_ != nullptr) admin_->Stop(kLastAnswers);
    draining_ = true;
    Drain(clock_.Monotonic() + config_.timeouts.drain, /*last_holder=*/false);
  }

  void Reload() override {
    access_log_->Reopen();
    const auto again = read_again_();
    if (!again.ok()) {
      return base::Log(base::Level::kError, "settings.not_read",
                       {{"error", again.status()}, {"hint", "what was read before goes on"}});
    }
    base::Level level = base::Level::kInfo;
    if (base::ParseLevel(again->log_level, &level)) base::SetLogLevel(level);
    Trace(*again);
    base::Log(base::Level::kInfo, "settings.read",
              {{"log_level", again->log_level},
               {"trace_clients", again->trace_clients.size()},
               {"wait_for_restart", WaitForRestart(config_, *again)}});
  }

 private:
  void Trace(const DataplaneConfig& config) {
    const TraceRulesPtr rules = TraceRulesFrom(config.trace_clients);
    for (const auto& loop : loops_) loop->SetTrace(rules);
  }

  void Drain(absl::Duration until, bool last_holder) {
    const absl::Duration grace = std::max(until - clock_.Monotonic(), absl::ZeroDuration());
    for (const auto& loop : loops_) loop->Drain(grace, config_.timeouts.drain_idle, last_holder);
    while (OpenConnections() > 0 && clock_.Monotonic() < until + absl::Seconds(1)) {
    }
    Stop();
  }

  // Load balancers look away meanwhile.
  void GiveNotice(absl::Duration notice) {
    base::Mutex mutex;
    base::CondVar never;
    const base::MutexLock lock(&mutex);
    const absl::Duration until = clock_.Monotonic() + notice;
    for (absl::Duration left = notice; left > absl::ZeroDuration();
         left = until - clock_.Monotonic()) {
      never.WaitWithTimeout(&mutex, left);
    }
  }

  absl::Status MakeClient() {
    auto client = GrpcAuthsvcClient::Create(ClientOptions(config_, name_));
    if (!client.ok()) return client.status();
    client_ = *std::move(client);
    Subscriber::Options options;
    options.default_ports = DefaultPorts(config_);
    options.refused = [this] {
      authorize_->Drop();
      credentials_->Drop();
      validation_->Drop();
      ticket_keys_.DropAll();
    };
    options.acknowledge = [this](uint64_t epoch, uint64_t revision) {
      client_->Acknowledge(epoch, revision);
    };
    options.answer = [this](const LookupAnswer& answer) { client_->Answer(answer); };
    options.ticket_keys = [this](const SharedTicketKeys& keys) { ticket_keys_.SetShared(keys); };
    options.ended = [this] { ticket_keys_.StreamEnded(); };
    subscriber_ = std::make_unique<Subscriber>(options, &clock_, &generations_, &stream_);
    return absl::OkStatus();
  }

  void MakeHubs() {
    authorize_ = std::make_unique<AuthorizeHub>(DecisionOptions(config_), &clock_, client_.get(),
                                                &stream_, &generations_);
    credentials_ = std::make_unique<CredentialHub>(ResolveOptions(config_), &clock_, client_.get(),
                                                   &stream_, &generations_);
    validation_ = std::make_unique<ValidationHub>(ValidationLimits(config_), &clock_, client_.get(),
                                                  &stream_, &generations_, [this] { Refused(); });
    authorize_->OnRefused([this] { Refused(); });
  }

  // authsvc does not accept this replica any more.
  void Refused() {
    authorize_->Drop();
    credentials_->Drop();
    validation_->Drop();
    stream_.OnRefused();
    ticket_keys_.DropAll();
  }

  absl::Status MakeLoops() {
    shared_ = std::make_unique<ProcessServices>(ProcessServices{config_,
                                                                settings_,
                                                                clock_,
                                                                *authorize_,
                                                                *credentials_,
                                                                *validation_,
                                                                limiter_,
                                                                resolver_,
                                                                targets_,
                                                                trust_,
                                                                book_,
                                                                *access_log_,
                                                                *telemetry_,
                                                                LoopCount(config_),
                                                                stream_,
                                                                ticket_keys_,
                                                                chains_,
                                                                connection_limits_,
                                                                tunnels_,
                                                                scripts_,
                                                                certificate_watch_,
                                                                inherited_.get()});
    for (int i = 0; i < LoopCount(config_); ++i) {
      loops_.push_back(std::make_unique<LoopServer>(i, *shared_));
      const absl::Status opened = loops_.back()->Open();
      if (!opened.ok()) return opened;
    }
    return absl::OkStatus();
  }

  void RegisterMetrics() {
    RegisterProcessMetrics({&book_, &stream_, subscriber_.get(), client_.get(), &limiter_,
                            access_log_.get(), telemetry_.get(), authorize_.get(),
                            validation_.get(), &generations_, &targets_, &scripts_,
                            &certificate_watch_, &ticket_keys_, config_.authsvc.tls.certificate(),
                            [this] { return Problem().empty(); }});
  }

  absl::Status MakeAdmin() {
    router_.Exact("/metrics", admin_http::TextHandler([this] { return book_.Render(); }));
    router_.Exact("/healthz", admin_http::HealthHandler([] { return std::string(); }));
    router_.Exact("/readyz", admin_http::HealthHandler([this] { return Problem(); }));
    admin_http::ServerOptions options;
    options.address = config_.metrics.address;
    options.port = config_.metrics.port;
    options.name = "metrics";
    options.socket = InheritedForAdmin();
    auto server = admin_http::Server::Start(
        options, [this](admin_http::Request request, admin_http::Responder responder) {
          router_.Handle(std::move(request), std::move(responder));
        });
    if (!server.ok()) return server.status();
    admin_ = *std::move(server);
    return absl::OkStatus();
  }

  // -1: none.
  int InheritedForAdmin() {
    if (inherited_ == nullptr) return -1;
    const std::vector<int> taken =
        inherited_->Take(config_.metrics.address, config_.metrics.port, 0, 1);
    for (size_t i = 1; i < taken.size(); ++i) close(taken[i]);
    return taken.empty() ? -1 : taken.front();
  }

  // Why /readyz says no; empty: ready.
  std::string Problem() const {
    if (draining_) return "draining";
    if (!stream_.Ready()) return "no snapshot from the auth service";
    return {};
  }

  // Asks the loops and waits for their answers, a tenth of a second at most.
  size_t OpenConnections() {
    struct Count {
      base::Mutex mutex;
      base::CondVar changed;
      size_t answers ABSL_GUARDED_BY(mutex) = 0;
      size_t open ABSL_GUARDED_BY(mutex) = 0;
    };
    const auto count = std::make_shared<Count>();
    for (const auto& loop : loops_) {
      loop->CountConnections([count](size_t open) {
        const base::MutexLock lock(&count->mutex);
        ++count->answers;
        count->open += open;
        count->changed.Signal();
      });
    }
    const base::MutexLock lock(&count->mutex);
    // The wait between two looks, and the bound of one.
    const absl::Duration until = clock_.Monotonic() + absl::Milliseconds(100);
    for (absl::Duration left = absl::Milliseconds(100); left > absl::ZeroDuration();
         left = until - clock_.Monotonic()) {
      if (count->answers == loops_.size() && count->open == 0) return 0;
      count->changed.WaitWithTimeout(&count->mutex, left);
    }
    return count->answers < loops_.size() ? 1 : count->open;
  }

  void Stop() {
    if (stopped_) return;
    stopped_ = true;
    if (admin_ != nullptr) admin_->Stop(absl::ZeroDuration());
    if (client_ != nullptr) client_->Stop();
    // Its answers go to the loops.
    resolver_.Stop();
    for (const auto& loop : loops_) loop->StopAndJoin();
    if (subscriber_ != nullptr) {
      for (const auto& loop : loops_) subscriber_->RemoveLoop(loop.get());
    }
    loops_.clear();
    if (telemetry_ != nullptr) telemetry_.reset();
    if (access_log_ != nullptr) access_log_->Flush();
  }

  const DataplaneConfig config_;
  const ReadAgain read_again_;
  const std::unique_ptr<InheritedSockets> inherited_;  // null: none
  bool awaits_take_over_;
  const ExchangeSettings settings_;
  const std::string name_;
  const base::Clock& clock_;
  metrics::Book book_;
  StreamState stream_;
  cache::TagGenerations generations_;
  TicketKeys ticket_keys_;
  ChainStore chains_;
  ConnectionLimits connection_limits_;
  TunnelPlaces tunnels_;
  ScriptPool scripts_;
  CertificateWatch certificate_watch_;
  Limiter limiter_;
  Resolver resolver_;
  TargetRegistry targets_;
  SystemTrust trust_;
  std::unique_ptr<GrpcAuthsvcClient> client_;
  std::unique_ptr<Subscriber> subscriber_;
  std::unique_ptr<AuthorizeHub> authorize_;
  std::unique_ptr<CredentialHub> credentials_;
  std::unique_ptr<ValidationHub> validation_;
  std::unique_ptr<AccessLog> access_log_;
  std::unique_ptr<TelemetryReporter> telemetry_;
  std::unique_ptr<ProcessServices> shared_;
  std::vector<std::unique_ptr<LoopServer>> loops_;
  admin_http::Router router_;
  std::unique_ptr<admin_http::Server> admin_;
  std::atomic<bool> draining_{false};
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DataplaneProcess>> DataplaneProcess::Create(
    const DataplaneConfig& config, std::unique_ptr<InheritedSockets> inherited,
    ReadAgain read_again) {
  auto process = std::make_unique<Process>(config, std::move(inherited), std::move(read_again));
  const absl::Status prepared = process->Prepare();
  if (!prepared.ok()) return prepared;
  return process;
}

}  // namespace sallyport::dataplane
