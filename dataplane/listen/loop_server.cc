#include "dataplane/listen/loop_server.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/client_address.h"
#include "dataplane/listen/announced_client.h"
#include "dataplane/listen/listening_socket.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

std::unique_ptr<TlsLibrary> MakeLibrary() {
  auto library = TlsLibrary::Create();
  if (!library.ok()) std::abort();  // no memory at start: nothing can be served
  return *std::move(library);
}

UpstreamPoolOptions PoolOptions(const config::DataplaneConfig& config,
                                std::function<void(absl::string_view)> on_http2_fault) {
  UpstreamPoolOptions options;
  options.max_idle_per_key = config.limits.upstream_idle;
  options.max_connections_per_key = config.limits.upstream_connections;
  options.max_waiting_per_key = config.limits.upstream_waiting;
  options.max_http2_connections_per_key = config.limits.upstream_http2.connections;
  options.http2.max_concurrent_streams = config.limits.upstream_http2.max_concurrent_streams;
  options.http2.stream_window = config.limits.upstream_http2.stream_window;
  options.http2.head_time = config.timeouts.head;
  options.http2.write_idle = config.timeouts.upstream_idle;
  options.http2.ping_after = config.timeouts.upstream_ping;
  options.on_http2_fault = std::move(on_http2_fault);
  return options;
}

StrictHandshakes::Limits StrictLimits(const config::DataplaneConfig& config) {
  StrictHandshakes::Limits limits;
  limits.waiting = config.limits.strict_handshakes;
  limits.waiting_of_address = config.limits.strict_handshakes_per_address;
  limits.wait = config.timeouts.strict_validation;
  return limits;
}

std::vector<AddressRange> TrustedProxies(const ExchangeSettings& settings,
                                         const GatewayView& view) {
  std::vector<AddressRange> trusted = settings.trusted_proxies;
  for (const std::string& text : view.gateway.trusted_proxies) {
    const auto range = ParseAddressRange(text);
    if (range.has_value()) trusted.push_back(*range);
  }
  return trusted;
}

// Of a connection: it ended with it, others go on.
void SayFailure(const std::exception_ptr& failure) {
  if (failure == nullptr) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    base::Log(base::Level::kError, "connection.failed", {{"error", error.what()}});
  }
}

}  // namespace

// About once a second: pools, certificates, listeners.
class LoopServer::Housekeeping final : public DeadlineNode {
 public:
  explicit Housekeeping(LoopServer& server) : server_(server) {
    server_.loop_.AddDeadline(this, server_.loop_.After(absl::Seconds(1)));
  }

 private:
  void OnDeadline() override {
    server_.Tick();
    server_.loop_.AddDeadline(this, server_.loop_.After(absl::Seconds(1)));
  }
  LoopServer& server_;
};

LoopServer::LoopServer(int index, const ProcessServices& process)
    : process_(process),
      library_(MakeLibrary()),
      loop_(index, process.clock),
      authorizer_(&process.authorize, this),
      credentials_(&process.credentials, this),
      validation_(&process.validation, this),
      strict_(StrictLimits(process.config), validation_, process.connection_limits.waiting()),
      sni_(loop_, *library_, credentials_, process.certificate_watch, *this),
      pool_(loop_,
            PoolOptions(process.config,
                        [this](absl::string_view fault) { NoteUpstreamFault(fault); }),
            process.resolver, process.trust, process.clock),
      balancers_(process.targets),
      metrics_(&process.book),
      connections_(loop_),
      recheck_(loop_, authorizer_, connections_, metrics_),
      shedder_(process.config.limits.queue_delay),
      handshake_shedder_(process.config.limits.queue_delay),
      allowed_(process.config.allowed_kept,
               process.config.allowed_bytes / static_cast<uint64_t>(process.loops)),
      services_{loop_,
                process.settings,
                authorizer_,
                credentials_,
                process.limiter,
                shedder_,
                pool_,
                balancers_,
                metrics_,
                process.access_log,
                process.telemetry,
                allowed_,
                connections_,
                request_ids_,
                process.tunnels,
                process.scripts,
                process.stream,
                nullptr,
                {},
                {},
                false},
      index_(static_cast<size_t>(index)),
      held_back_(process.inherited != nullptr && process.inherited->from_predecessor()) {
  GatewayView empty;
  empty.routes = RouteTable::Empty(DefaultPorts(process.config));
  SetView(std::make_shared<const GatewayView>(std::move(empty)));
  if (index == 0) MakeHealthChecker();
}

void LoopServer::MakeHealthChecker() {
  auto credentials = [this](RoutePtr route, UpstreamTargetPtr target,
                            ProbePass pass) -> boost::asio::awaitable<ProbeCredentials> {
    const CredentialTarget question{target->host, target->port, target->tls, target->written_port};
    auto found = co_await credentials_.ForHealthCheck(*route, question, pass);
    if (auto* const denial = std::get_if<Denial>(&found)) {
      const bool answered = base::ReasonFault(denial->reason) != base::Fault::kAuthsvc;
      if (!answered) co_return CredentialsUnknown();
      co_return CredentialsRefused{
          absl::StrCat(base::ReasonName(denial->reason), ": ", denial->detail)};
    }
    co_return std::get<UpstreamCredentialsPtr>(std::move(found));
  };
  auto count = [this](HealthChecker::Result result) {
    const bool good = result == HealthChecker::Result::kGood;
    const bool bad = result == HealthChecker::Result::kBad;
    metrics_.sheet()
        .Counter(metrics::Id::kHealthChecks, {good  ? "good"
                                              : bad ? "bad"
                                                    : "none"})
        ->Add(1);
  };
  health_checker_ = std::make_unique<HealthChecker>(
      HealthChecker::Parts{loop_, process_.resolver, process_.trust, process_.targets,
                           process_.clock, std::move(credentials), std::move(count)});
}

LoopServer::~LoopServer() { StopAndJoin(); }

void LoopServer::SetView(GatewayViewPtr view) {
  services_.trusted_proxies = TrustedProxies(process_.settings, *view);
  SetCertificateHeaders(
      CertificateHeaders(view->gateway.client_certificate_headers, services_.trusted_proxies));
  sni_.SetView(view);
  services_.view = std::move(view);
}

// Each request looks anew; those in flight were let in by what they were told before.
void LoopServer::SetCertificateHeaders(CertificateHeaders headers) {
  const bool kept = headers.Extends(services_.certificate_headers);
  services_.certificate_headers = std::move(headers);
  if (kept) return;
  const size_t ended = connections_.SeverAsserted(process_.settings.sever_grace);
  if (ended > 0) metrics_.Severed(ended);
}

void LoopServer::SetTrace(TraceRulesPtr trace) {
  Post([this, trace = std::move(trace)] { services_.trace = trace; });
}

void LoopServer::OnConnection(const ListenerContextPtr& listener, int fd, std::string address) {
  if (services_.draining) {
    close(fd);
    return;
  }
  const bool shakes = listener->tls != nullptr;
  if (!shedder_.Admit(loop_.turn(), loop_.queue_delay_millis(), loop_.NowMillis()) ||
      (shakes && !handshake_shedder_.Admit(loop_.turn(), loop_.long_work_delay_millis(),
                                           loop_.NowMillis()))) {
    close(fd);
    return NoteNotTaken(NotTaken::kOverload);
  }
  const bool proxied = IsTrustedProxy(listener->proxies, address);
  if (!proxied && !MayShake(*listener, address)) {
    close(fd);
    return NoteNotTaken(NotTaken::kHandshakes);
  }
  if (!process_.connection_limits.Enter(proxied ? "" : address)) {
    close(fd);
    return NoteNotTaken(NotTaken::kLimit);
  }
  if (proxied) {
    boost::asio::co_spawn(loop_.context(), ServeProxied(listener, fd, std::move(address)),
                          SayFailure);
    return;
  }
  boost::asio::co_spawn(loop_.context(),
                        ServeConnection(services_, listener, fd, address, /*announced=*/false),
                        [this, address](const std::exception_ptr& failure) {
                          process_.connection_limits.Leave(address);
                          SayFailure(failure);
                        });
}

boost::asio::awaitable<void> LoopServer::ServeProxied(ListenerContextPtr listener, int fd,
                                                      std::string proxy) {
  std::string named;
  const absl::Cleanup leave = [&] { process_.connection_limits.Leave(named); };
  AnnouncedClient client;
  {
    ++announcing_;
    const absl::Cleanup read = [this] { --announcing_; };
    client = co_await ReadAnnouncedClient(loop_, fd, loop_.After(process_.settings.handshake));
  }
  const bool announced = !client.address.empty();
  if (client.problem != nullptr) {
    NoteNotTaken(NotTaken::kProxyHeader);
  } else if (announced && !MayShake(*listener, client.address)) {
    close(client.fd);
    NoteNotTaken(NotTaken::kHandshakes);
  } else if (announced && !process_.connection_limits.Name(client.address)) {
    close(client.fd);
    NoteNotTaken(NotTaken::kLimit);
  } else {
    if (announced) named = client.address;
    co_await ServeConnection(services_, std::move(listener), client.fd,
                             announced ? std::move(client.address) : std::move(proxy),
                             /*announced=*/true);
  }
}

void LoopServer::NoteUpstreamFault(absl::string_view fault) {
  metrics_.sheet().Counter(metrics::Id::kUpstreamHttp2Failures, {fault})->Add(1);
}

void LoopServer::Tick() {
  pool_.Sweep();
  balancers_.Sweep();
  if (index_ == 0) process_.scripts.Sweep();
  if (health_checker_ != nullptr) health_checker_->Follow(services_.view->routes);
  metrics_.sheet()
      .Gauge(metrics::Id::kUpstreamIdle)
      ->Set(static_cast<int64_t>(pool_.counts().idle));
  metrics_.sheet()
      .Gauge(metrics::Id::kUpstreamHttp2Open)
      ->Set(static_cast<int64_t>(pool_.counts().http2));
  metrics_.sheet()
      .Gauge(metrics::Id::kUpstreamWaiting)
      ->Set(static_cast<int64_t>(pool_.counts().waiting));
  const BufferPool& buffers = loop_.buffers();
  for (const auto& [state, bytes] : {std::pair("lent", buffers.lent_bytes()),
                                     std::pair("kept", buffers.kept() * BufferPool::kBlockBytes)}) {
    metrics_.sheet().Gauge(metrics::Id::kBufferBytes, {state})->Set(static_cast<int64_t>(bytes));
  }
  metrics_.sheet().Gauge(metrics::Id::kStrictWaiting)->Set(static_cast<int64_t>(strict_.waiting()));
  metrics_.sheet()
      .Gauge(metrics::Id::kStrictStackBytes)
      ->Set(static_cast<int64_t>(strict_.stacks().mapped_bytes()));
  shedder_.Rest(loop_.queue_delay_millis(), loop_.NowMillis());
  handshake_shedder_.Rest(loop_.long_work_delay_millis(), loop_.NowMillis());
  if (shedder_.refused_share() > 0 || handshake_shedder_.refused_share() > 0)
    SayNotTaken(NotTaken::kOverload);
  EndGoneStreams();
  sni_.Sweep();
  Reconcile();
}

void LoopServer::Start() {
  housekeeping_ = std::make_unique<Housekeeping>(*this);
  running_ = true;
  loop_.Start();
}

void LoopServer::Post(std::function<void()> work) { loop_.Post(std::move(work)); }

void LoopServer::Apply(GatewayViewPtr view) {
  SetView(std::move(view));
  Reconcile();
}

void LoopServer::Sever(const SeverList& severed) {
  const size_t ended = connections_.Sever(severed, process_.settings.sever_grace);
  if (ended > 0) metrics_.Severed(ended);
}

void LoopServer::Retire(const std::vector<std::string>& certificate_tags) {
  for (const std::string& tag : certificate_tags) pool_.RetireTag(tag);
}

void LoopServer::Redecide(const std::vector<std::string>& tags) {
  recheck_.AskAbout(tags, process_.settings.sever_grace);
}

void LoopServer::StartOver() {
  const size_t ended = connections_.EndIdle();
  if (ended > 0) metrics_.Severed(ended);
  pool_.RetireAll();
  recheck_.Start(process_.settings.sever_grace);
}

std::optional<AllowedRecord> LoopServer::FindAllowed(absl::string_view request_id) {
  return allowed_.Find(request_id);
}

void LoopServer::BeginAccepting(std::function<void(absl::Status)> done) {
  Post([this, report = std::move(done)] {
    held_back_ = false;
    absl::Status begun;
    for (OpenedListener& listener : listeners_) begun.Update(listener.Begin());
    report(std::move(begun));
  });
}

void LoopServer::CopySockets(std::function<void(std::vector<int>)> done) {
  Post([this, report = std::move(done)] {
    std::vector<int> copies;
    for (const OpenedListener& listener : listeners_) {
      for (const auto& acceptor : listener.acceptors)
        copies.push_back(fcntl(acceptor->fd(), F_DUPFD_CLOEXEC, 0));
    }
    report(std::move(copies));
  });
}

void LoopServer::Drain(absl::Duration grace, absl::Duration idle, bool last_holder) {
  Post([this, grace, idle, last_holder] {
    for (const OpenedListener& listener : listeners_) {
      if (!last_holder) break;
      for (const auto& acceptor : listener.acceptors) acceptor->TakeWaiting();
    }
    services_.draining = true;
    listeners_.clear();
    connections_.Drain(grace, idle);
  });
}

void LoopServer::CountConnections(std::function<void(size_t)> done) {
  Post([this, report = std::move(done)] { report(connections_.size() + announcing_); });
}

void LoopServer::StopAndJoin() {
  if (running_) {
    // Handshakes that wait on stacks of their own end on the thread on which they began.
    loop_.Post([this] {
      strict_.EndAll();
      loop_.Stop();
    });
    loop_.Join();
    running_ = false;
  }
  loop_.Stop();
  loop_.Join();
  if (services_.view == nullptr) return;
  // Connections end before what they use.
  listeners_.clear();
  constexpr int kRounds = 200;
  for (int round = 0; round < kRounds && connections_.size() > 0; ++round) {
    connections_.CutAll();
    loop_.RunFor(absl::Milliseconds(10));
  }
  // What still waits (for an upstream, for authsvc) goes now, while what it touches is there.
  loop_.Discard();
}

}  // namespace sallyport::dataplane
