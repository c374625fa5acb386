// One authsvc address: its channels, stubs and breaker. Private to dataplane/sync/grpc.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/sync/grpc/breaker.h"
#include "dataplane/sync/grpc_authsvc_client.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"

namespace sallyport::dataplane {

// Mutual TLS with the files of options.tls_directory, read again every options.refresh. InvalidArgument
// when no directory is named, NotFound when one of the files cannot be read.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const GrpcAuthsvcOptions& options);

struct Target {
  Target(std::string name, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
         const GrpcAuthsvcOptions& options);

  const std::string address;
  std::unique_ptr<v1::Authorization::Stub> authorization;
  std::unique_ptr<v1::Distribution::Stub> distribution, subscription;
  std::unique_ptr<v1::Telemetry::Stub> telemetry;
  Breaker breaker;
  std::atomic<bool> probing{false};
};

}  // namespace sallyport::dataplane
