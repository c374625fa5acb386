// Trace: what each phase did for one request of somebody who is looked at (dataplane/observe/
// trace_rules.h). Like the access log without secrets: no header values, no query.
#include "absl/strings/str_cat.h"
#include "dataplane/exchange/exchange.h"
#include "dataplane/exchange/observed.h"
#include "shared/base/log.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

double Milliseconds(absl::Duration took) { return absl::ToDoubleMilliseconds(took); }

}  // namespace

void Exchange::ObserveTrace(Reason reason, int status, absl::Duration total) {
  static const Decision kNone;
  const Decision* const made = DecisionOf(permit_, denial_);
  const Decision& decision = made == nullptr ? kNone : *made;
  const absl::string_view leaf = LeafOf(CallersCertificate());
  if (!services_.trace->Matches(client_address_, leaf, made == nullptr ? nullptr : &made->identity))
    return;
  std::string credentials;
  for (const PresentedCredential& one : credentials_)
    absl::StrAppend(&credentials, credentials.empty() ? "" : ", ", one.mechanism(), " in ",
                    one.place);
  const RoutePtr& route = FoundRoute();
  const bool forwarded = forwarded_.has_value();
  const UpstreamFacts* const upstream = forwarded ? forwarded_->upstream.get() : nullptr;
  const bool rewritten = forwarded && match_.changes.rewrite != nullptr;
  base::Log(
      base::Level::kInfo, "trace",
      {{"request_id", request_id_},
       {"client_address", client_address_},
       {"behind_proxy", behind_proxy_},
       {"listener", client_.listener.id},
       {"sni", client_.peer.sni},
       {"resumed", client_.peer.resumed},
       {"client_fingerprint", leaf},
       {"certificate_by_proxy", certificate_by_proxy_ && asserted_ != nullptr},
       {"method", head_.method},
       {"host", host_},
       {"path", path_},
       {"api_id", route == nullptr ? "" : route->api_id},
       {"version", routed_ ? match_.version_name : ""},
       {"profile", routed_ ? match_.profile : ""},
       {"credentials", credentials},
       {"decided", made == nullptr                           ? "no"
                   : authorize_took_ == absl::ZeroDuration() ? "from the caches"
                                                             : "by authsvc"},
       {"decision", made == nullptr ? "" : base::ReasonName(decision.reason)},
       {"decision_detail", decision.detail},
       {"decision_revision", decision.revision},
       {"decision_ttl_ms", made == nullptr ? 0 : Milliseconds(decision.ttl)},
       {"identity", decision.identity.name},
       {"key_id", decision.identity.key_id},
       {"stale", permit_.has_value() && permit_->stale()},
       {"rewritten", rewritten},
       {"rewritten_server", rewritten_server_ == nullptr ? "" : rewritten_server_->url},
       {"target", target_.get() == nullptr ? "" : target_->authority},
       {"upstream", upstream == nullptr ? "" : upstream->address},
       {"upstream_certificate_id", upstream == nullptr ? "" : upstream->presented_certificate_id},
       {"upstream_reused", forwarded && forwarded_->reused},
       {"attempts", forwarded ? forwarded_->attempts : 0},
       {"reason", base::ReasonName(reason)},
       {"detail", denial_.has_value() ? denial_->detail
                  : forwarded         ? forwarded_->detail
                                      : ""},
       {"status", status},
       {"authorize_ms", Milliseconds(authorize_took_)},
       {"upstream_ms", Milliseconds(forward_took_)},
       {"total_ms", Milliseconds(total)}});
}

}  // namespace sallyport::dataplane
