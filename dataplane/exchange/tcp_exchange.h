// A connection to an API of protocol tls or tcp, from the end of its handshake to its own: which
// API, may this client use it (one decision by authsvc, before anything is dialled), which target,
// then bytes both ways. What cannot be let in is closed without a word, in a way that looks like no
// orderly end. One loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/authorize/verdict.h"
#include "dataplane/exchange/chosen_target.h"
#include "dataplane/exchange/client.h"
#include "dataplane/exchange/handshake_terms.h"
#include "dataplane/forward/tunnel.h"
#include "dataplane/upstream/pool.h"

namespace sallyport::dataplane {

class TcpExchange {
 public:
  // `client` outlives it, and its handshake is over.
  explicit TcpExchange(Client& client)
      : client_(client), services_(client.services), registered_(client.registered, nullptr) {}
  TcpExchange(const TcpExchange&) = delete;
  TcpExchange& operator=(const TcpExchange&) = delete;

  // Until the connection is over.
  [[nodiscard]] boost::asio::awaitable<void> Run();

 private:
  // route
  void Begin();
  [[nodiscard]] bool FindApi();
  [[nodiscard]] bool CheckHandshake();

  // authorize, limit
  [[nodiscard]] boost::asio::awaitable<void> Authorize();
  void Take(Verdict verdict);
  [[nodiscard]] bool CheckGrant();
  [[nodiscard]] bool Limit();
  [[nodiscard]] bool TakeTunnelPlace();

  // upstream (tcp_target.cc)
  [[nodiscard]] bool ChooseTarget();
  [[nodiscard]] std::optional<uint64_t> HashKey() const;
  [[nodiscard]] boost::asio::awaitable<void> TryTarget();
  [[nodiscard]] boost::asio::awaitable<void> FindCredentials();
  [[nodiscard]] boost::asio::awaitable<void> EnterTarget();
  [[nodiscard]] boost::asio::awaitable<void> Connect();
  [[nodiscard]] bool StillWanted();  // false: denied
  void ReportTarget();
  [[nodiscard]] bool MayTryAnother() const;
  [[nodiscard]] bool TryAnotherTarget();
  [[nodiscard]] absl::Duration ConnectTime() const;

  // tunnel
  [[nodiscard]] TunnelSettings Settings() const;
  [[nodiscard]] boost::asio::awaitable<void> Tunnel();

  // observe (tcp_observe.cc)
  void Observe();
  void ObserveLog(base::Reason reason, absl::Duration total);
  void ObserveTelemetry(base::Reason reason, absl::Duration total);
  void ObserveAllowed(absl::Duration total);
  void ObserveRefused(base::Reason reason);

  bool Deny(base::Reason reason, std::string detail = "");  // always false

  Client& client_;
  LoopServices& services_;
  RegisteredRequest registered_;
  LivingStream living_;

  absl::Duration started_;
  absl::Time wall_;
  std::string request_id_;
  RoutePtr route_;
  AuthFacts facts_;
  std::optional<Permit> permit_;
  std::optional<Denial> denial_;
  absl::Duration authorize_took_;
  TunnelPlaces::Place tunnel_place_;
  ChosenTarget target_;
  UpstreamCredentialsPtr upstream_credentials_;
  std::unique_ptr<UpstreamConnection> upstream_;
  UpstreamFactsPtr upstream_facts_;  // also of a connection that came to nothing
  absl::Duration connect_took_;
  TunnelOutcome tunnel_;
  absl::string_view tunnel_end_;  // a constant; empty: there was none
};

}  // namespace sallyport::dataplane
