#include "dataplane/exchange/tcp_exchange.h"

#include <algorithm>
#include <utility>

#include "dataplane/exchange/linger.h"
#include "dataplane/route/match.h"

namespace sallyport::dataplane {

using base::Reason;

boost::asio::awaitable<void> TcpExchange::Run() {
  client_.registered.idle = false;
  living_.peer = &client_.peer;
  living_.listener = &client_.listener;
  Begin();

  bool go_on = FindApi();
  if (go_on) co_await Authorize();
  go_on = permit_.has_value() && CheckGrant() && Limit() && TakeTunnelPlace() && ChooseTarget();
  while (go_on) {  // for each target that is tried
    co_await TryTarget();
    go_on = TryAnotherTarget();
  }
  if (upstream_ != nullptr) co_await Tunnel();

  Observe();
  target_.Leave();
  registered_.Over();
  services_.connections.SetLiving(&client_.registered, nullptr);
  if (denial_.has_value()) EndByReset(client_.stream);
}

void TcpExchange::Begin() {
  services_.loop.RefreshNow();
  started_ = services_.loop.clock().Monotonic();
  wall_ = services_.loop.clock().Now();
  services_.request_ids.Next(&request_id_);
}

bool TcpExchange::FindApi() {
  const RoutePtr* const found = services_.view->routes->Find(
      client_.listener.route_place, client_.peer.sni, "/", &client_.recent().host);
  if (found == nullptr) return Deny(Reason::kNoRoute, "no API at this port and name");
  route_ = *found;
  if (route_->broken) return Deny(Reason::kApiUnusable);
  const bool tls = route_->protocol == ApiProtocol::kTls;
  if (tls != client_.peer.tls) return Deny(Reason::kTlsRequired, "the API's protocol has changed");
  if (!AddressAllowed(route_->ip, client_.address)) return Deny(Reason::kIpDenied);
  if (tls && !CheckHandshake()) return false;
  // Already now: a change while its client is asked about counts for it, too.
  living_.api = route_.get();
  services_.connections.SetLiving(&client_.registered, &living_);
  return true;
}

// What was asked of the client before the last change may not be enough.
bool TcpExchange::CheckHandshake() {
  const TlsPeer& peer = client_.peer;
  const HandshakeTerms terms =
      TermsFor(*services_.view, client_.listener, peer.sni, &client_.recent().host);
  if (terms.version != peer.client_tls_version ||
      !TakesVersionOf(peer, *services_.view, peer.sni)) {
    return Deny(Reason::kMisdirected, "the client-TLS settings have changed since the handshake");
  }
  if (terms.strict != nullptr) living_.strict_version = terms.strict->version;
  return true;
}

boost::asio::awaitable<void> TcpExchange::Authorize() {
  facts_.route = route_.get();
  facts_.tls = client_.peer.tls;
  if (client_.peer.chain != nullptr) {
    facts_.proof = Proof::kTls;
    facts_.peer = client_.peer.chain.get();
  }
  facts_.client_address = client_.address;
  facts_.request_id = request_id_;
  std::optional<Verdict> known = services_.authorizer.TryAuthorize(client_.memo, facts_);
  if (known.has_value()) {
    Take(*std::move(known));
    co_return;
  }
  const absl::Duration asked = services_.loop.clock().Monotonic();
  Verdict verdict = co_await services_.authorizer.Authorize(client_.memo, facts_);
  services_.loop.RefreshNow();
  authorize_took_ = services_.loop.clock().Monotonic() - asked;
  Take(std::move(verdict));
}

void TcpExchange::Take(Verdict verdict) {
  if (auto* const permit = std::get_if<Permit>(&verdict)) {
    permit_.emplace(std::move(*permit));
    registered_.LetIn(&facts_, permit_->shared());
  } else {
    denial_ = std::move(std::get<Denial>(verdict));
  }
}

bool TcpExchange::CheckGrant() {
  if (permit_->decision().grants.urls.empty()) return true;
  return Deny(Reason::kOperationNotGranted,
              "the key is limited to URLs: there are none to compare");
}

// A connection counts as a request.
bool TcpExchange::Limit() {
  const LimitOutcome outcome = services_.limiter.Take(*permit_, *route_, nullptr, /*exempt=*/false);
  return outcome.allowed() || Deny(outcome.reason);
}

bool TcpExchange::TakeTunnelPlace() {
  tunnel_place_ = services_.tunnels.Take();
  return tunnel_place_ ? true : Deny(Reason::kOverloaded, "limits.tunnels is reached");
}

TunnelSettings TcpExchange::Settings() const {
  TunnelSettings settings = services_.settings.tunnel;
  const RouteTimeouts& own = route_->timeouts;
  if (own.idle > absl::ZeroDuration()) settings.idle = own.idle;
  if (own.total > absl::ZeroDuration()) settings.total = own.total;
  // Nothing new is asked that an expired certificate or key could be refused at.
  const absl::Duration valid = permit_->decision().hard_expiry - services_.loop.clock().Now();
  settings.total = std::min(settings.total, std::max(valid, absl::ZeroDuration()));
  LoopMetrics& metrics = services_.metrics;
  metrics::Cell* const up =
      metrics.sheet().Counter(metrics::Id::kTcpBytes, {route_->api_id, "to_upstream"});
  metrics::Cell* const down =
      metrics.sheet().Counter(metrics::Id::kTcpBytes, {route_->api_id, "to_client"});
  settings.passed = [&metrics, up, down](bool to_client, size_t bytes) {
    metrics.TunnelBytes(to_client, bytes);
    (to_client ? down : up)->Add(static_cast<int64_t>(bytes));
  };
  return settings;
}

boost::asio::awaitable<void> TcpExchange::Tunnel() {
  if (client_.tls != nullptr) client_.tls->LetIn();
  const TunnelSettings settings = Settings();
  ReadBuffer from_client(services_.loop.buffers());
  const TunnelSide near{client_.stream, from_client};
  const TunnelSide far{*upstream_->stream, upstream_->buffer};
  services_.metrics.TunnelOpened();
  tunnel_ = co_await RunTunnel(near, far, settings);
  services_.loop.RefreshNow();
  tunnel_end_ = TunnelEndName(tunnel_.end);
  services_.metrics.TunnelEnded(tunnel_end_);
  if (tunnel_.end != TunnelEnd::kClosed) {
    EndByReset(*upstream_->stream);
    EndByReset(client_.stream);
  }
  upstream_ = nullptr;
}

bool TcpExchange::Deny(Reason reason, std::string detail) {
  Denial denial;
  denial.reason = reason;
  denial.detail = std::move(detail);
  if (permit_.has_value()) denial.decision = permit_->shared();
  denial_ = std::move(denial);
  return false;
}

}  // namespace sallyport::dataplane
