// gRPC service Authorization: the questions that a data plane (and, with its own role, a third
// party) asks.
#pragma once

#include "authsvc/rpc/parts.h"
#include "sallyport/v1/decision.grpc.pb.h"

namespace sallyport::authsvc {

class Call;
class Snapshot;
struct Peer;

class AuthorizationService final : public ::sallyport::v1::Authorization::CallbackService {
 public:
  explicit AuthorizationService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Authorize(grpc::CallbackServerContext* context,
                                      const ::sallyport::v1::AuthorizeRequest* request,
                                      ::sallyport::v1::AuthorizeResponse* response) override;
  grpc::ServerUnaryReactor* ValidateCertificate(
      grpc::CallbackServerContext* context,
      const ::sallyport::v1::ValidateCertificateRequest* request,
      ::sallyport::v1::ValidateCertificateResponse* response) override;
  grpc::ServerUnaryReactor* ResolveUpstream(
      grpc::CallbackServerContext* context, const ::sallyport::v1::ResolveUpstreamRequest* request,
      ::sallyport::v1::ResolveUpstreamResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context,
                                    const ::sallyport::v1::ExplainRequest* request,
                                    ::sallyport::v1::ExplainResponse* response) override;

 private:
  // Nobody reported that request as refused: asks the data planes, off gRPC's threads.
  void LookUp(Call call, const ::sallyport::v1::ExplainRequest& request,
              ::sallyport::v1::ExplainResponse* response);

  [[nodiscard]] SecretKeysOpener OpenSecrets() const;
  // `needs` gets what was lacking; null: nobody asks for it again.
  void DecideOnce(const Snapshot& snapshot, const Peer& peer,
                  const ::sallyport::v1::AuthorizeRequest& request,
                  ::sallyport::v1::AuthorizeResponse* response, DecisionNeeds* needs);
  [[nodiscard]] absl::StatusOr<::sallyport::v1::ExplainResponse> ExplainOnce(
      const ::sallyport::v1::ExplainRequest& request, DecisionNeeds* needs);
  void Decided(const Snapshot& snapshot, Call& call,
               const ::sallyport::v1::AuthorizeRequest& request,
               const ::sallyport::v1::AuthorizeResponse& response);

  const ServiceParts& parts_;
};

}  // namespace sallyport::authsvc
