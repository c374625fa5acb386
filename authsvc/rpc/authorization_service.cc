#include "authsvc/rpc/authorization_service.h"

#include "authsvc/decide/decide.h"
#include "authsvc/jwks/jwks_fetcher.h"
#include "authsvc/logins/login_checker.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/rpc/admin_worker.h"
#include "authsvc/rpc/at_revision.h"
#include "authsvc/rpc/explain.h"
#include "authsvc/rpc/lookups.h"
#include "authsvc/rpc/meter.h"
#include "authsvc/rpc/needs.h"
#include "authsvc/rpc/recent_callers.h"
#include "authsvc/rpc/validate.h"
#include "shared/base/reason.h"
#include "shared/base/request_id.h"

namespace sallyport::authsvc {

namespace wire = ::sallyport::v1;

grpc::ServerUnaryReactor* AuthorizationService::Authorize(grpc::CallbackServerContext* context,
                                                          const wire::AuthorizeRequest* request,
                                                          wire::AuthorizeResponse* response) {
  Call call(parts_, context, "Authorization.Authorize");
  if (!call.Admit(*request)) return call.reactor();
  FromRevision(parts_, request->min_revision(), call,
               [this, call, request, response](const Snapshot& snapshot) mutable {
                 DecisionNeeds needs;
                 DecideOnce(snapshot, call.peer(), *request, response, &needs);
                 if (needs.empty()) return Decided(snapshot, call, *request, *response);
                 // Once: what could not be had by then is refused.
                 SupplyNeeds(parts_, parts_.writer->snapshot(), std::move(needs),
                             [this, call, request, response]() mutable {
                               const SnapshotPtr newest = parts_.writer->snapshot();
                               DecideOnce(*newest, call.peer(), *request, response, nullptr);
                               Decided(*newest, call, *request, *response);
                             });
               });
  return call.reactor();
}

void AuthorizationService::DecideOnce(const Snapshot& snapshot, const Peer& peer,
                                      const wire::AuthorizeRequest& request,
                                      wire::AuthorizeResponse* response, DecisionNeeds* needs) {
  AuthorizeQuestion question{request};
  question.asserted = peer.role == Role::kDecision;
  question.group = GroupOf(peer);
  question.key_sets = parts_.key_sets;
  question.logins = parts_.logins;
  question.needs = needs;
  question.open_secrets = OpenSecrets();
  *response->mutable_decision() =
      Decide(snapshot, question, parts_.clock->Now(), parts_.memo, nullptr, parts_.bounds);
}

SecretKeysOpener AuthorizationService::OpenSecrets() const {
  return [writer = parts_.writer](const wire::TokenIssuer& issuer) {
    return writer->OpenSharedSecrets(issuer);
  };
}

void AuthorizationService::Decided(const Snapshot& snapshot, Call& call,
                                   const wire::AuthorizeRequest& request,
                                   const wire::AuthorizeResponse& response) {
  if (call.peer().role == Role::kDataplane) parts_.recent->Note(request, response.decision());
  // An API that does not exist must not become a label: callers choose the text.
  const bool known = snapshot.FindApi(request.api_id()) != nullptr;
  parts_.meter->Decision(known ? absl::string_view(request.api_id()) : "unknown",
                         base::ReasonName(base::ReasonFromNumber(response.decision().reason())));
  call.Finish(absl::OkStatus());
}

grpc::ServerUnaryReactor* AuthorizationService::ValidateCertificate(
    grpc::CallbackServerContext* context, const wire::ValidateCertificateRequest* request,
    wire::ValidateCertificateResponse* response) {
  Call call(parts_, context, "Authorization.ValidateCertificate");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call,
             [this, request, response, peer](const Snapshot& snapshot) {
               auto answer =
                   authsvc::ValidateCertificate(snapshot, *request, GroupOf(peer),
                                                parts_.clock->Now(), parts_.memo, parts_.bounds);
               if (!answer.ok()) return answer.status();
               *response = std::move(*answer);
               return absl::OkStatus();
             });
  return call.reactor();
}

grpc::ServerUnaryReactor* AuthorizationService::ResolveUpstream(
    grpc::CallbackServerContext* context, const wire::ResolveUpstreamRequest* request,
    wire::ResolveUpstreamResponse* response) {
  Call call(parts_, context, "Authorization.ResolveUpstream");
  if (!call.Admit(*request)) return call.reactor();
  const Peer& peer = call.peer();
  AtRevision(parts_, request->min_revision(), call,
             [this, request, response, peer](const Snapshot& snapshot) {
               const KeyOpener open = [this](const CertificateEntry& entry) {
                 return parts_.writer->OpenPrivateKey(entry);
               };
               ResolveScope scope;
               scope.group = GroupOf(peer);
               scope.with_private_key = peer.role == Role::kDataplane;
               scope.open_password = [this](const wire::Api& api) {
                 return parts_.writer->OpenProxyPassword(api);
               };
               scope.open_credential = [this, &snapshot](const wire::Api& api) {
                 return parts_.writer->OpenUpstreamCredential(snapshot, api);
               };
               *response =
                   authsvc::ResolveUpstream(snapshot, *request, parts_.clock->Now(), open, scope);
               return absl::OkStatus();
             });
  return call.reactor();
}

grpc::ServerUnaryReactor* AuthorizationService::Explain(grpc::CallbackServerContext* context,
                                                        const wire::ExplainRequest* request,
                                                        wire::ExplainResponse* response) {
  Call call(parts_, context, "Authorization.Explain");
  if (!call.Admit(*request)) return call.reactor();
  const bool by_id = !request->request_id().empty();
  if (by_id && !base::IsRequestId(request->request_id())) {
    call.Finish(absl::InvalidArgumentError(
        "a request id (X-Request-Id) has 1 to 64 characters of A-Z a-z 0-9 . _ -"));
    return call.reactor();
  }
  DecisionNeeds needs;
  auto answer = ExplainOnce(*request, &needs);
  if (answer.ok() && !needs.empty()) {
    SupplyNeeds(parts_, parts_.writer->snapshot(), std::move(needs),
                [this, call, request, response]() mutable {
                  auto again = ExplainOnce(*request, nullptr);
                  const absl::Status status = again.status();
                  if (again.ok()) *response = *std::move(again);
                  call.Finish(status);
                });
    return call.reactor();
  }
  if (answer.ok() && by_id && !answer->found()) {
    LookUp(call, *request, response);
    return call.reactor();
  }
  if (answer.ok()) *response = std::move(*answer);
  call.Finish(answer.status());
  return call.reactor();
}

absl::StatusOr<wire::ExplainResponse> AuthorizationService::ExplainOnce(
    const wire::ExplainRequest& request, DecisionNeeds* needs) {
  return authsvc::Explain(*parts_.writer->snapshot(), request, *parts_.telemetry,
                          parts_.clock->Now(), parts_.bounds,
                          ExplainFindings{parts_.key_sets, parts_.logins, needs, OpenSecrets()});
}

void AuthorizationService::LookUp(Call call, const wire::ExplainRequest& request,
                                  wire::ExplainResponse* response) {
  const bool taken = parts_.explainer->Do([this, call, &request, response]() mutable {
    if (call.Abandoned()) return call.Finish(absl::CancelledError("the caller did not wait"));
    const LookupResult result = parts_.lookups->Ask(request.request_id(), parts_.lookup_patience);
    const SnapshotPtr snapshot = parts_.writer->snapshot();
    const absl::Time now = parts_.clock->Now();
    *response = ExplainLookup(*snapshot, result, now, parts_.bounds);
    if (!response->found()) {  // its refusal may have been reported meanwhile
      auto refused = authsvc::Explain(*snapshot, request, *parts_.telemetry, now, parts_.bounds);
      if (refused.ok() && refused->found()) *response = *std::move(refused);
    }
    call.Finish(absl::OkStatus());
  });
  if (!taken)
    call.Finish(absl::ResourceExhaustedError("too many requests are being looked for; try again"));
}

}  // namespace sallyport::authsvc
