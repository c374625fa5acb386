// Observe: metrics, one line in the access log, telemetry. Always runs, once a connection.
#include <utility>

#include "dataplane/exchange/tcp_exchange.h"
#include "dataplane/exchange/upstream_failure.h"

namespace sallyport::dataplane {

using base::Reason;
using metrics::Id;

void TcpExchange::Observe() {
  const Reason reason = denial_.has_value() ? denial_->reason : Reason::kAllowed;
  const absl::Duration total = services_.loop.clock().Monotonic() - started_;
  services_.metrics.sheet()
      .Counter(Id::kTcpConnections,
               {route_ == nullptr ? absl::string_view("none") : absl::string_view(route_->api_id),
                base::ReasonName(reason), base::FaultName(base::ReasonFault(reason))})
      ->Add(1);
  if (IsUpstreamTlsFailure(reason)) services_.metrics.UpstreamTlsFailed(reason);
  if (!tunnel_end_.empty()) services_.metrics.UpstreamConnection(/*reused=*/false, false);
  ObserveLog(reason, total);
  if (route_ != nullptr) ObserveTelemetry(reason, total);
}

void TcpExchange::ObserveLog(Reason reason, absl::Duration total) {
  AccessRecord record;
  record.time = wall_;
  record.request_id = request_id_;
  record.client_address = client_.address;
  record.listener = client_.listener.id;
  record.protocol = client_.peer.tls ? "tls" : "tcp";
  record.sni = client_.peer.sni;
  record.tls_version = client_.peer.protocol;
  record.tls_cipher = client_.peer.cipher;
  record.resumed = client_.peer.resumed;
  if (route_ != nullptr) record.api_id = route_->api_id;
  if (permit_.has_value()) {
    record.identity = &permit_->decision().identity;
    record.stale = permit_->stale();
  } else if (denial_.has_value() && denial_->decision != nullptr) {
    record.identity = &denial_->decision->identity;
  }
  if (client_.peer.chain != nullptr) record.client_fingerprint = client_.peer.chain->leaf_hex;
  record.reason = reason;
  if (denial_.has_value()) record.detail = denial_->detail;
  record.bytes_in = tunnel_.to_upstream;
  record.bytes_out = tunnel_.to_client;
  record.total = total;
  record.authorize = authorize_took_;
  record.upstream_total = connect_took_;
  if (upstream_facts_ != nullptr) {
    record.upstream = upstream_facts_->address;
    record.upstream_certificate_id = upstream_facts_->presented_certificate_id;
  }
  record.tunnel_end = tunnel_end_;
  services_.access_log.Write(services_.loop.index(), record);
}

void TcpExchange::ObserveTelemetry(Reason reason, absl::Duration total) {
  const int loop = services_.loop.index();
  if (upstream_facts_ != nullptr && !upstream_facts_->spki_sha256.empty()) {
    PinRecord pin;
    pin.host = target_->host;
    pin.port = target_->port;
    pin.spki_sha256 = upstream_facts_->spki_sha256;
    pin.matched = !upstream_facts_->pin_mismatch;
    services_.telemetry.PinObserved(loop, std::move(pin));
  }
  const Decision* decision = nullptr;
  if (permit_.has_value()) decision = &permit_->decision();
  if (denial_.has_value() && denial_->decision != nullptr) decision = denial_->decision.get();
  if (decision != nullptr) {
    const absl::string_view leaf = client_.peer.chain == nullptr
                                       ? absl::string_view()
                                       : absl::string_view(client_.peer.chain->leaf_hex);
    services_.telemetry.Used(loop, decision->identity.key_id, leaf, route_->api_id,
                             !denial_.has_value());
  }
  if (denial_.has_value()) {
    ObserveRefused(reason);
  } else {
    ObserveAllowed(total);
  }
}

void TcpExchange::ObserveAllowed(absl::Duration total) {
  if (!services_.allowed.on()) return;
  AllowedRequest request;
  request.time = wall_;
  request.request_id = request_id_;
  request.api_id = route_->api_id;
  request.host = client_.peer.sni;
  request.client_address = client_.address;
  request.tls = facts_.tls;
  request.proof = facts_.peer == nullptr ? Proof::kNone : facts_.proof;
  if (facts_.peer != nullptr) {
    request.chain_der = &facts_.peer->chain_der;
    request.leaf_sha256 = &facts_.peer->leaf_sha256;
    request.chain_key = facts_.peer->cache_key;
  }
  request.decision = &permit_->decision();
  request.stale = permit_->stale();
  request.target_tls = target_->tls;
  request.streams = true;
  request.target = target_->authority;
  if (upstream_facts_ != nullptr) {
    request.upstream = upstream_facts_->address;
    request.upstream_certificate_id = upstream_facts_->presented_certificate_id;
  }
  request.total = total;
  services_.allowed.Keep(request);
}

void TcpExchange::ObserveRefused(Reason reason) {
  RefusalRecord refusal;
  refusal.request_id = request_id_;
  refusal.time = wall_;
  refusal.api_id = route_->api_id;
  refusal.reason = reason;
  refusal.host = client_.peer.sni;
  refusal.client_address = client_.address;
  if (facts_.route != nullptr) refusal.question = QuestionFor(facts_);
  refusal.detail = denial_->detail;
  services_.telemetry.Refused(services_.loop.index(), std::move(refusal));
}

}  // namespace sallyport::dataplane
