#include "authsvc/rpc/authorization_service.h"

#include "authsvc/decide/decide.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/rpc/at_revision.h"
#include "authsvc/rpc/explain.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/validate.h"
#include "shared/base/reason.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

grpc::ServerUnaryReactor* AuthorizationService::Authorize(grpc::CallbackServerContext* context,
                                                          const wire::AuthorizeRequest* request,
                                                          wire::AuthorizeResponse* response) {
  Call call(parts_, context, "Authorization.Authorize");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call, [this, request, response, peer](const Snapshot& snapshot) {
    AuthorizeQuestion question{*request};
    question.asserted = peer.role == Role::kDecision;
    question.group = GroupOf(peer);
    *response->mutable_decision() =
        Decide(snapshot, question, parts_.clock->Now(), parts_.memo, nullptr, parts_.bounds);
    // An API that does not exist must not become a label: callers choose the text.
    const bool known = snapshot.FindApi(request->api_id()) != nullptr;
    parts_.meter->Decision(known ? absl::string_view(request->api_id()) : "unknown",
                           base::ReasonName(base::ReasonFromNumber(response->decision().reason())));
    return absl::OkStatus();
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AuthorizationService::ValidateCertificate(
    grpc::CallbackServerContext* context, const wire::ValidateCertificateRequest* request,
    wire::ValidateCertificateResponse* response) {
  Call call(parts_, context, "Authorization.ValidateCertificate");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call, [this, request, response, peer](const Snapshot& snapshot) {
    auto answer = authsvc::ValidateCertificate(snapshot, *request, GroupOf(peer), parts_.clock->Now(), parts_.memo);
    if (!answer.ok()) return answer.status();
    *response = *std::move(answer);
    return absl::OkStatus();
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AuthorizationService::ResolveUpstream(grpc::CallbackServerContext* context,
                                                                const wire::ResolveUpstreamRequest* request,
                                                                wire::ResolveUpstreamResponse* response) {
  Call call(parts_, context, "Authorization.ResolveUpstream");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call, [this, request, response, peer](const Snapshot& snapshot) {
    const KeyOpener open = [this](const CertificateEntry& entry) { return parts_.writer->OpenPrivateKey(entry); };
    ResolveScope scope;
    scope.group = GroupOf(peer);
    scope.with_private_key = peer.role == Role::kDataplane;
    *response = authsvc::ResolveUpstream(snapshot, *request, parts_.clock->Now(), open, scope);
    return absl::OkStatus();
  });
  return call.reactor();
}

grpc::ServerUnaryReactor* AuthorizationService::Explain(grpc::CallbackServerContext* context,
                                                        const wire::ExplainRequest* request,
                                                        wire::ExplainResponse* response) {
  Call call(parts_, context, "Authorization.Explain");
  if (!call.Admit(*request)) return call.reactor();
  auto answer = authsvc::Explain(*parts_.writer->snapshot(), *request, *parts_.telemetry, parts_.clock->Now(),
                                 parts_.bounds);
  if (answer.ok()) *response = *std::move(answer);
  call.Finish(answer.status());
  return call.reactor();
}

}  // namespace sallyport::authsvc
