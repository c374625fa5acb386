// gRPC service Admin: typed reads and writes of every resource. Reads answer from the snapshot at
// once; whatever waits for the store runs on the admin worker. Every write is in the audit log.
#pragma once

#include <functional>

#include "authsvc/rpc/call.h"
#include "authsvc/rpc/parts.h"
#include "sallyport/v1/admin.grpc.pb.h"

namespace sallyport::authsvc {

class AdminService final : public ::sallyport::v1::Admin::CallbackService {
 public:
  explicit AdminService(const ServiceParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Put(grpc::CallbackServerContext* context,
                                const ::sallyport::v1::PutRequest* request,
                                ::sallyport::v1::PutResponse* response) override;
  grpc::ServerUnaryReactor* Apply(grpc::CallbackServerContext* context,
                                  const ::sallyport::v1::ApplyRequest* request,
                                  ::sallyport::v1::ApplyResponse* response) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const ::sallyport::v1::GetRequest* request,
                                ::sallyport::v1::GetResponse* response) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const ::sallyport::v1::ListRequest* request,
                                 ::sallyport::v1::ListResponse* response) override;
  grpc::ServerUnaryReactor* Delete(grpc::CallbackServerContext* context,
                                   const ::sallyport::v1::DeleteRequest* request,
                                   ::sallyport::v1::DeleteResponse* response) override;
  grpc::ServerWriteReactor<::sallyport::v1::WatchEvent>* Watch(
      grpc::CallbackServerContext* context, const ::sallyport::v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* WhoUses(grpc::CallbackServerContext* context,
                                    const ::sallyport::v1::WhoUsesRequest* request,
                                    ::sallyport::v1::WhoUsesResponse* response) override;
  grpc::ServerUnaryReactor* AddCertificate(
      grpc::CallbackServerContext* context, const ::sallyport::v1::AddCertificateRequest* request,
      ::sallyport::v1::AddCertificateResponse* response) override;
  grpc::ServerUnaryReactor* CreateKey(grpc::CallbackServerContext* context,
                                      const ::sallyport::v1::CreateKeyRequest* request,
                                      ::sallyport::v1::CreateKeyResponse* response) override;
  grpc::ServerUnaryReactor* RotateKey(grpc::CallbackServerContext* context,
                                      const ::sallyport::v1::RotateKeyRequest* request,
                                      ::sallyport::v1::CreateKeyResponse* response) override;
  grpc::ServerUnaryReactor* Status(grpc::CallbackServerContext* context,
                                   const ::sallyport::v1::StatusRequest* request,
                                   ::sallyport::v1::StatusResponse* response) override;

 private:
  // `work` runs on the worker and its status ends the call, unless the caller has given up by then.
  void Later(Call call, std::function<absl::Status()> work);

  const ServiceParts& parts_;
};

}  // namespace sallyport::authsvc
