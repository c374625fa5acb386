// One question to authsvc. Private to grpc_authsvc_client.cc.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/grpc/call_order.h"
#include "dataplane/sync/grpc/call_status.h"
#include "dataplane/sync/grpc/target.h"
#include "dataplane/sync/grpc/underway.h"

namespace sallyport::dataplane {

// One question on its way, over as many targets as its time allows.
template <typename Request, typename Response, typename Value>
class Call : public std::enable_shared_from_this<Call<Request, Response, Value>> {
 public:
  using Start = void (*)(Target&, grpc::ClientContext*, const Request*, Response*,
                         std::function<void(grpc::Status)>);
  using Convert = Value (*)(Response*);

  // `deadline` bounds all attempts together.
  Call(TargetList* targets, Underway* underway, absl::Duration deadline, Start start,
       Convert convert, Poster* poster, Completion<Value> done)
      : targets_(targets),
        underway_(underway),
        limit_(deadline),
        start_(start),
        convert_(convert),
        poster_(poster),
        done_(std::make_shared<Completion<Value>>(std::move(done))) {}

  Request& request() { return request_; }
  void Run();

 private:
  void Try();
  void Came(Target& target, const grpc::Status& status);
  void Finish(absl::StatusOr<Value> value);

  TargetList* const targets_;
  Underway* const underway_;
  const absl::Duration limit_;
  const Start start_;
  const Convert convert_;
  Poster* const poster_;
  std::shared_ptr<Completion<Value>>
      done_;  // goes with the answer: the poster's thread destroys it
  Request request_;
  std::unique_ptr<Response> response_;
  std::unique_ptr<grpc::ClientContext> context_;
  absl::Duration deadline_;
  size_t tried_ = 0;
  std::vector<Target*> candidates_;
  absl::Status last_ = absl::UnavailableError("no authsvc answers");
};

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Run() {
  deadline_ = MonotonicNow() + limit_;
  candidates_ = targets_->Candidates();
  if (!underway_->Enter()) {
    candidates_.clear();
    last_ = absl::CancelledError("stopping");
    poster_->Post([done = std::move(done_), status = last_] { (*done)(status); });
    return;
  }
  Try();
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Try() {
  const absl::Duration left = deadline_ - MonotonicNow();
  if (tried_ >= candidates_.size() || left < absl::Milliseconds(5)) return Finish(last_);
  Target& target = *candidates_[tried_];
  // A target that hangs must leave the others some of the time.
  const auto share = static_cast<int64_t>(candidates_.size() - tried_);
  ++tried_;
  context_ = std::make_unique<grpc::ClientContext>();
  context_->set_deadline(DeadlineIn(left / share));
  response_ = std::make_unique<Response>();
  Starting(this);
  start_(target, context_.get(), &request_, response_.get(),
         [self = this->shared_from_this(), &target](const grpc::Status& status) {
           self->Came(target, status);
         });
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Came(Target& target, const grpc::Status& status) {
  Told(this);
  if (Unanswered(status)) {
    target.breaker.Failed();
    last_ = ToAbsl(status);
    return Try();
  }
  target.breaker.Answered();
  targets_->Prefer(&target);
  if (!status.ok()) return Finish(ToAbsl(status));
  Finish(convert_(response_.get()));
}

template <typename Request, typename Response, typename Value>
void Call<Request, Response, Value>::Finish(absl::StatusOr<Value> value) {
  poster_->Post([done = std::move(done_), value = std::move(value)] { (*done)(value); });
  context_.reset();  // before Leave: see Underway
  underway_->Leave();
}

}  // namespace sallyport::dataplane
