// gRPC service Telemetry: what data planes report, batch by batch.
#pragma once

#include "authsvc/rpc/parts.h"
#include "sallyport/v1/telemetry.grpc.pb.h"

namespace sallyport::authsvc {

class TelemetryService final : public ::sallyport::v1::Telemetry::CallbackService {
 public:
  explicit TelemetryService(const ServiceParts& parts) : parts_(parts) {}
  grpc::ServerReadReactor<::sallyport::v1::ReportRequest>* Report(
      grpc::CallbackServerContext* context, ::sallyport::v1::ReportResponse* response) override;

 private:
  const ServiceParts& parts_;
};

}  // namespace sallyport::authsvc
