// Observe: metrics, access log, telemetry of the terminal outcome. Always runs.
#include <utility>

#include "absl/container/inlined_vector.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/observed.h"
#include "dataplane/exchange/upstream_failure.h"
#include "shared/crypto/digest.h"

namespace sallyport::dataplane {

using base::Reason;

void Exchange::Observe() {
  Reason reason = Reason::kAllowed;
  int status = 0;
  if (denial_.has_value()) {
    reason = denial_->reason;
    status = RefusalStatus();
  } else if (forwarded_.has_value()) {
    reason = forwarded_->reason;
    status = forwarded_->status;
  } else if (script_status_.has_value()) {
    status = *script_status_;
  } else if (preflight_) {
    status = kPreflightStatus;
  }
  const absl::Duration total = services_.loop.clock().Monotonic() - started_;
  ObserveMetrics(reason, status, total);
  ObserveLog(reason, status, total);
  ObserveTelemetry(reason, total);
  if (services_.trace != nullptr) ObserveTrace(reason, status, total);
}

void Exchange::ObserveMetrics(Reason reason, int status, absl::Duration total) {
  const RoutePtr& route = FoundRoute();
  RequestOutcome outcome;
  if (route != nullptr) outcome.api_id = route->api_id;
  outcome.reason = reason;
  outcome.status = status;
  outcome.total = tunnel_end_.empty() ? total : http_took_;
  outcome.authorize = authorize_took_;
  outcome.upstream = forward_took_;
  outcome.script = script_took_;
  if (forwarded_.has_value()) {
    if (tunnel_end_.empty()) {  // a tunnel's are counted as they pass
      outcome.bytes_in = forwarded_->request_bytes;
      outcome.bytes_out = forwarded_->response_bytes;
    }
    if (forwarded_->attempts > 0) {
      const UpstreamFacts* const upstream = forwarded_->upstream.get();
      services_.metrics.UpstreamConnection(forwarded_->reused,
                                           upstream != nullptr && upstream->http2);
    }
  }
  if (script_body_.has_value() && !forwarded_.has_value())
    outcome.bytes_in = script_body_->bytes().size();
  if (script_status_.has_value()) outcome.bytes_out = script_bytes_out_;
  outcome.stale = permit_.has_value() && permit_->stale();
  services_.metrics.Request(outcome);
  if (IsUpstreamTlsFailure(reason)) services_.metrics.UpstreamTlsFailed(reason);
}

void Exchange::ObserveLog(Reason reason, int status, absl::Duration total) {
  const RoutePtr& route = FoundRoute();
  AccessRecord record;
  record.time = wall_;
  record.request_id = request_id_;
  record.client_address = client_address_;
  DescribeClient(client_, CallersCertificate(), &record);
  record.certificate_by_proxy = asserted_ != nullptr;
  record.method = head_.method;
  record.host = host_;
  record.path = path_;
  record.protocol = request_.protocol();
  if (route != nullptr) record.api_id = route->api_id;
  if (routed_) record.version = match_.version_name;
  DescribeDecision(permit_, denial_, &record);
  record.reason = reason;
  record.status = status;
  record.total = total;
  record.authorize = authorize_took_;
  if (denial_.has_value()) record.detail = denial_->detail;
  if (forwarded_.has_value()) {
    const ForwardOutcome& forwarded = *forwarded_;
    if (!denial_.has_value()) record.detail = forwarded.detail;
    record.bytes_in = forwarded.request_bytes;
    record.bytes_out = forwarded.response_bytes;
    record.upstream_first_byte = forwarded.first_byte_took;
    record.upstream_total = forward_took_;
    DescribeUpstream(forwarded.upstream.get(), &record);
    record.upstream_status = forwarded.status;
    record.upstream_reused = forwarded.reused;
  }
  if (script_status_.has_value()) record.bytes_out = script_bytes_out_;
  if (script_body_.has_value() && !forwarded_.has_value())
    record.bytes_in = script_body_->bytes().size();
  if (permit_.has_value() && match_.changes.virtual_endpoint != nullptr)
    record.script = match_.changes.virtual_endpoint->function;
  if (!tunnel_end_.empty()) {
    record.upgrade = head_.upgrade;
    record.tunnel_end = tunnel_end_;
  }
  if (grpc_ && !redirect_) record.grpc_status = GrpcStatus();
  const auto trace = head_refused_ ? std::nullopt : Header("traceparent");
  if (trace.has_value()) record.traceparent = *trace;
  services_.access_log.Write(services_.loop.index(), record);
}

void Exchange::ObserveTelemetry(Reason reason, absl::Duration total) {
  const UpstreamFacts* const upstream =
      forwarded_.has_value() ? forwarded_->upstream.get() : nullptr;
  if (upstream != nullptr && !upstream->spki_sha256.empty() && !forwarded_->reused)
    ReportPin(services_, *target_, *upstream);
  const RoutePtr& route = FoundRoute();
  if (route == nullptr) return;
  ReportUse(services_, CallersCertificate(), route->api_id, permit_, denial_, quota_);
  if (denial_.has_value()) {
    ObserveRefused(reason);
  } else {
    ObserveAllowed(reason, total);
  }
}

void Exchange::ObserveAllowed(Reason reason, absl::Duration total) {
  const bool answered = forwarded_.has_value() || script_status_.has_value();
  if (!services_.allowed.on() || !permit_.has_value() || !answered) return;
  absl::InlinedVector<AllowedRequest::Token, 1> tokens;
  for (const PresentedCredential& token : credentials_) {
    // Of a password no fast hash is kept.
    const crypto::Sha256Digest hash = token.kind == TokenKind::kLogin
                                          ? crypto::Sha256Digest{}
                                          : crypto::Sha256Array(token.value.Reveal());
    tokens.push_back({token.mechanism(), token.place, hash});
  }
  AllowedRequest request;
  request.time = wall_;
  request.request_id = request_id_;
  request.api_id = match_.route->api_id;
  request.version = match_.version_name;
  request.profile = match_.profile;
  request.method = head_.method;
  request.host = host_;
  request.path = path_;
  request.client_address = client_address_;
  DescribeAllowed(facts_, *permit_, target_.get().get(), &request);
  request.tokens = tokens;
  std::string by_proxy;
  if (forwarded_.has_value()) {
    DescribeUpstream(forwarded_->upstream.get(), &by_proxy, &request);
    request.upstream_reused = forwarded_->reused;
    request.status = forwarded_->status;
  } else {
    request.status = *script_status_;
  }
  request.reason = reason;
  request.total = total;
  services_.allowed.Keep(request);
}

void Exchange::ObserveRefused(Reason reason) {
  RefusalRecord refusal;
  refusal.request_id = request_id_;
  refusal.time = wall_;
  refusal.api_id = FoundRoute()->api_id;
  refusal.reason = reason;
  refusal.method = std::string(head_.method);
  refusal.path = path_;
  refusal.host = host_;
  refusal.client_address = std::string(client_address_);
  if (facts_.route != nullptr) refusal.question = ReportedQuestion(facts_);
  refusal.detail = denial_->detail;
  services_.telemetry.Refused(services_.loop.index(), std::move(refusal));
}

}  // namespace sallyport::dataplane
