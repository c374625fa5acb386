// The server side of Admin.Watch.
#pragma once

#include "authsvc/rpc/parts.h"
#include "grpcpp/grpcpp.h"
#include "sallyport/v1/admin.pb.h"

namespace sallyport::authsvc {

// Checks the caller; a refusal ends the stream at once.
[[nodiscard]] grpc::ServerWriteReactor<::sallyport::v1::WatchEvent>* StartWatch(
    const ServiceParts& parts, grpc::CallbackServerContext* context,
    const ::sallyport::v1::WatchRequest& request);

}  // namespace sallyport::authsvc
