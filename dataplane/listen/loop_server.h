// Everything of one loop: its listeners, its handshakes, what its requests work with. Takes routes
// and evictions from the subscriber. Made and opened on the main thread, then used on the loop's
// thread only, except where said.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dataplane/authorize/client_validation.h"
#include "dataplane/exchange/connection.h"
#include "dataplane/exchange/handshake_terms.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/exchange/recheck.h"
#include "dataplane/listen/acceptor.h"
#include "dataplane/listen/connection_limits.h"
#include "dataplane/listen/inherited_sockets.h"
#include "dataplane/listen/listener_plan.h"
#include "dataplane/listen/sni_source.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/tls/strict_handshakes.h"
#include "dataplane/upstream/health_checker.h"
#include "shared/config/dataplane_config.h"

namespace sallyport::dataplane {

// Shared by all loops; all of it outlives them.
struct ProcessServices {
  const config::DataplaneConfig& config;
  const ExchangeSettings& settings;
  const base::Clock& clock;
  AuthorizeHub& authorize;
  CredentialHub& credentials;
  ValidationHub& validation;
  Limiter& limiter;
  Resolver& resolver;
  TargetRegistry& targets;
  const SystemTrust& trust;
  metrics::Book& book;
  AccessLog& access_log;
  TelemetryReporter& telemetry;
  int loops;
  const StreamState& stream;
  TicketKeys& ticket_keys;
  ChainStore& chains;
  ConnectionLimits& connection_limits;
  TunnelPlaces& tunnels;
  ScriptPool& scripts;
  CertificateWatch& certificate_watch;
  InheritedSockets* inherited = nullptr;  // may be null
};

class LoopServer final : public LoopSink {
 public:
  LoopServer(int index, const ProcessServices& process);
  ~LoopServer() override;  // the loop must be stopped

  // Before Start: opens the listeners of the file. The first failure ends it.
  [[nodiscard]] absl::Status Open();
  // Of the listeners that are open, in their order.
  [[nodiscard]] std::vector<uint16_t> BoundPorts() const;
  void Start();
  // Where a predecessor serves still, nothing is accepted before this. Thread-safe: `done` is
  // called on the loop's thread.
  void BeginAccepting(std::function<void(absl::Status)> done);
  // Thread-safe: `done` is called on the loop's thread with a copy of each socket that listens, the
  // receiver's to close; -1 for one that could not be made.
  void CopySockets(std::function<void(std::vector<int>)> done);
  // Thread-safe: no new connections; those that are open may send one more request within `idle`,
  // and end at the latest after `grace`. `last_holder`: nobody else will accept what waits in the
  // queues of the listeners.
  void Drain(absl::Duration grace, absl::Duration idle, bool last_holder);
  // Thread-safe: `done` is called on the loop's thread with the number of open connections.
  void CountConnections(std::function<void(size_t)> done);
  // Thread-safe.
  void SetTrace(TraceRulesPtr trace);
  void StopAndJoin();

  void Post(std::function<void()> work) override;  // thread-safe
  void Apply(GatewayViewPtr view) override;
  void Sever(const SeverList& severed) override;
  void Retire(const std::vector<std::string>& certificate_tags) override;
  void Redecide(const std::vector<std::string>& tags) override;
  void StartOver() override;
  std::optional<AllowedRecord> FindAllowed(absl::string_view request_id) override;

 private:
  struct OpenedListener {
    PlannedListener plan;
    ListenerContextPtr context;
    std::vector<std::unique_ptr<Acceptor>> acceptors;  // one or more
    [[nodiscard]] absl::Status Begin();
  };
  class Housekeeping;

  void SetView(GatewayViewPtr view);
  void SetCertificateHeaders(CertificateHeaders headers);
  void Reconcile();
  void ShowStreams(const std::vector<PlannedListener>& plan,
                   const std::vector<StreamPlan::Problem>& problems);
  [[nodiscard]] absl::Status OpenOne(const PlannedListener& plan, uint16_t redirect_port,
                                     std::vector<int> sockets);
  [[nodiscard]] absl::StatusOr<ListenerContextPtr> MakeContext(const PlannedListener& plan,
                                                               uint16_t redirect_port);
  // Of a listener that is not planned any more, where another one has its place.
  [[nodiscard]] std::vector<int> ReleaseSockets(const PlannedListener& plan);
  [[nodiscard]] absl::StatusOr<std::vector<int>> SocketsFor(const PlannedListener& plan);
  [[nodiscard]] std::unique_ptr<Acceptor> MakeAcceptor(const ListenerContextPtr& context, int fd);
  [[nodiscard]] absl::StatusOr<ServerTls*> TlsFor(const PlannedListener& plan);
  [[nodiscard]] bool MayShake(const ListenerContext& listener, absl::string_view client);
  void OnConnection(const ListenerContextPtr& listener, int fd, std::string address);
  // Of a proxy that says with a PROXY header who its client is.
  [[nodiscard]] boost::asio::awaitable<void> ServeProxied(ListenerContextPtr listener, int fd,
                                                          std::string proxy);
  // Counts it, and says it.
  void NoteNotTaken(NotTaken cause);
  // In the log, now and then.
  void SayNotTaken(NotTaken cause);
  void NoteUpstreamFault(absl::string_view fault);
  void Tick();
  void EndGoneStreams();
  [[nodiscard]] OfferedTls OfferedAt(absl::string_view socket) const;
  void MakeHealthChecker();

  const ProcessServices& process_;
  bool running_ = false;                 // on a thread of its own
  std::unique_ptr<TlsLibrary> library_;  // outlives everything that OpenSSL made
  Loop loop_;
  Authorizer authorizer_;
  CredentialCache credentials_;
  ClientValidation validation_;
  StrictHandshakes strict_;
  SniSource sni_;
  UpstreamPool pool_;
  RouteBalancers balancers_;
  LoopMetrics metrics_;
  ConnectionRegistry connections_;
  std::unique_ptr<HealthChecker> health_checker_;  // of the first loop, for all
  Recheck recheck_;
  LoadShedder shedder_;            // by the wait of requests
  LoadShedder handshake_shedder_;  // by that of handshakes: of connections alone
  RequestIds request_ids_;
  AllowedRing allowed_;
  std::map<std::string, std::unique_ptr<ServerTls>> tls_;  // by settings
  LoopServices services_;
  const size_t index_;
  bool held_back_;  // nothing is accepted yet
  std::vector<OpenedListener> listeners_;
  size_t announcing_ = 0;                         // connections whose PROXY header is awaited
  std::map<std::string, std::string> reported_;   // listeners that could not be opened, said so
  std::map<uint16_t, std::string> closed_ports_;  // of APIs that are not served, said so
  // The definitions that all streams were compared with since the listeners changed; null: none.
  GatewayViewPtr streams_checked_by_;
  std::unique_ptr<Housekeeping> housekeeping_;
};

}  // namespace sallyport::dataplane
