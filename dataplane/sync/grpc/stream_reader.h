// The Subscribe stream to authsvc. Private to grpc_authsvc_client.cc. Cancel and Silent from any
// thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/grpc/call_order.h"
#include "dataplane/sync/grpc/call_status.h"
#include "dataplane/sync/grpc/convert.h"
#include "dataplane/sync/grpc/target.h"
#include "sallyport/v1/distribution.grpc.pb.h"

namespace sallyport::dataplane {

class StreamReader final : public grpc::ClientReadReactor<v1::Update> {
 public:
  // Called once, on one of gRPC's threads; the reader lives until whoever holds it lets go.
  // `said_something`: at least one update came.
  using Ended = std::function<void(std::shared_ptr<StreamReader> stream, const grpc::Status& status,
                                   bool said_something)>;

  StreamReader(StreamObserver* observer, Ended ended)
      : observer_(observer), ended_(std::move(ended)) {}

  void Open(Target& target, const GrpcAuthsvcOptions& options, std::shared_ptr<StreamReader> self) {
    self_ = std::move(self);
    request_.set_name(options.name);
    request_.set_keeps_allowed(options.keeps_allowed);
    request_.set_takes_ticket_keys(options.takes_ticket_keys);
    if (const auto resume = observer_->Resume()) {
      request_.mutable_resume()->set_store_id(resume->store_id);
      request_.mutable_resume()->set_epoch(resume->epoch);
      request_.mutable_resume()->set_revision(resume->revision);
    }
    last_ = absl::ToInt64Nanoseconds(MonotonicNow());
    Starting(this);
    target.subscription->async()->Subscribe(&context_, &request_, this);
    StartRead(&update_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  [[nodiscard]] absl::Duration Silent() const {
    return MonotonicNow() - absl::Nanoseconds(last_.load());
  }

  void OnReadDone(bool ok) override {
    Told(this);
    if (!ok) return;
    said_something_ = true;
    if (!observer_->OnUpdate(UpdateFrom(&update_))) return context_.TryCancel();
    last_ = absl::ToInt64Nanoseconds(MonotonicNow());  // applying a big snapshot is no silence
    Starting(this);
    StartRead(&update_);
  }
  void OnDone(const grpc::Status& status) override {
    Told(this);
    observer_->OnStreamEnd(ToAbsl(status));
    const Ended ended = std::move(ended_);  // `this` may go while it runs
    ended(std::move(self_), status, said_something_);
  }

 private:
  StreamObserver* const observer_;
  Ended ended_;
  std::shared_ptr<StreamReader> self_;
  grpc::ClientContext context_;
  v1::SubscribeRequest request_;
  v1::Update update_;
  bool said_something_ = false;
  std::atomic<int64_t> last_{0};
};

}  // namespace sallyport::dataplane
