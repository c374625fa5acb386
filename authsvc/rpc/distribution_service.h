// gRPC service Distribution: the stream that keeps a data plane current, its acknowledgements, and
// server certificates on demand.
#pragma once

#include <memory>
#include <set>

#include "authsvc/rpc/parts.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class SubscribeStream;

class DistributionService final : public ::sallyport::v1::Distribution::CallbackService {
 public:
  explicit DistributionService(const ServiceParts& parts) : parts_(parts) {}
  ~DistributionService() override;

  grpc::ServerWriteReactor<::sallyport::v1::Update>* Subscribe(
      grpc::CallbackServerContext* context,
      const ::sallyport::v1::SubscribeRequest* request) override;
  grpc::ServerUnaryReactor* Acknowledge(grpc::CallbackServerContext* context,
                                        const ::sallyport::v1::AcknowledgeRequest* request,
                                        ::sallyport::v1::AcknowledgeResponse* response) override;
  grpc::ServerUnaryReactor* ResolveServer(
      grpc::CallbackServerContext* context, const ::sallyport::v1::ResolveServerRequest* request,
      ::sallyport::v1::ResolveServerResponse* response) override;

  // Ends every stream: clients go to another authsvc. New ones are refused from now on.
  void EndStreams();

 private:
  friend class SubscribeStream;
  void Remove(SubscribeStream* stream);

  const ServiceParts& parts_;
  base::Mutex mutex_;
  std::set<SubscribeStream*> streams_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace sallyport::authsvc
