// Observe: metrics, one line in the access log, telemetry. Always runs, once a connection.
#include <utility>

#include "dataplane/exchange/observed.h"
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
  DescribeClient(client_, client_.peer.chain.get(), &record);
  record.protocol = client_.peer.tls ? "tls" : "tcp";
  if (route_ != nullptr) record.api_id = route_->api_id;
  DescribeDecision(permit_, denial_, &record);
  record.reason = reason;
  if (denial_.has_value()) record.detail = denial_->detail;
  record.bytes_in = tunnel_.to_upstream;
  record.bytes_out = tunnel_.to_client;
  record.total = total;
  record.authorize = authorize_took_;
  record.upstream_total = connect_took_;
  DescribeUpstream(upstream_facts_.get(), &record);
  record.tunnel_end = tunnel_end_;
  services_.access_log.Write(services_.loop.index(), record);
}

void TcpExchange::ObserveTelemetry(Reason reason, absl::Duration total) {
  if (upstream_facts_ != nullptr && !upstream_facts_->spki_sha256.empty())
    ReportPin(services_, *target_, *upstream_facts_);
  ReportUse(services_, client_.peer.chain.get(), route_->api_id, permit_, denial_);
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
  DescribeAllowed(facts_, *permit_, target_.get().get(), &request);
  request.streams = true;
  std::string by_proxy;
  DescribeUpstream(upstream_facts_.get(), &by_proxy, &request);
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
  if (facts_.route != nullptr) refusal.question = ReportedQuestion(facts_);
  refusal.detail = denial_->detail;
  services_.telemetry.Refused(services_.loop.index(), std::move(refusal));
}

}  // namespace sallyport::dataplane
