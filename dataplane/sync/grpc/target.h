// One authsvc address: its channels, stubs and breaker. Private to dataplane/sync/grpc.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/sync/grpc/breaker.h"
#include "dataplane/sync/grpc_authsvc_client.h"
#include "sallyport/v1/decision.grpc.pb.h"
#include "sallyport/v1/distribution.grpc.pb.h"
#include "sallyport/v1/telemetry.grpc.pb.h"

namespace sallyport::dataplane {

// Mutual TLS with the files of options.tls_directory, read again every options.refresh.
// InvalidArgument when no directory is named, NotFound when one of the files cannot be read.
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

// All of them, never none. Thread-safe.
class TargetList {
 public:
  TargetList(const GrpcAuthsvcOptions& options,
             const std::shared_ptr<grpc::ChannelCredentials>& credentials);

  // To be asked in this order: the preferred first, none whose breaker is open.
  [[nodiscard]] std::vector<Target*> Candidates() const;
  void Prefer(const Target* target);
  [[nodiscard]] bool AllBroken() const;
  [[nodiscard]] const std::vector<std::unique_ptr<Target>>& all() const { return all_; }

 private:
  std::vector<std::unique_ptr<Target>> all_;
  std::atomic<size_t> preferred_{0};
};

}  // namespace sallyport::dataplane
