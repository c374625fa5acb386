// One message to authsvc's Telemetry service, on one short stream of its own. Private to
// grpc_authsvc_client.cc. Thread-safe once sent.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "dataplane/sync/grpc/call_order.h"
#include "sallyport/v1/telemetry.grpc.pb.h"

namespace sallyport::dataplane {

class ReportCall final : public grpc::ClientWriteReactor<v1::ReportRequest> {
 public:
  // Called once, on one of gRPC's threads: `arrived` says whether authsvc took the message. The
  // call, and the context in it, lives until whoever holds it lets go.
  using Over = std::function<void(std::shared_ptr<ReportCall> call, bool arrived)>;

  explicit ReportCall(Over over) : over_(std::move(over)) {}

  // To be filled before Send.
  [[nodiscard]] v1::ReportRequest& request() { return request_; }
  void Send(v1::Telemetry::Stub& telemetry, absl::Duration limit,
            std::shared_ptr<ReportCall> self) {
    self_ = std::move(self);
    context_.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(limit));
    Starting(this);
    telemetry.async()->Report(&context_, &response_, this);
    StartWriteLast(&request_, grpc::WriteOptions());
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  void OnDone(const grpc::Status& status) override {
    Told(this);
    const Over over = std::move(over_);  // `this` may go while it runs
    over(std::move(self_), status.ok());
  }

 private:
  Over over_;
  std::shared_ptr<ReportCall> self_;
  grpc::ClientContext context_;
  v1::ReportRequest request_;
  v1::ReportResponse response_;
};

}  // namespace sallyport::dataplane
