// A server stream that writes what Next() gives, one message at a time, until it is cancelled,
// ended or older than allowed (then it ends with OK and the client resumes). Owns itself from Begin
// to OnDone. Pump may be called from any thread, also before Begin: it does nothing until then.
#pragma once

#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "authsvc/rpc/server_end.h"
#include "authsvc/rpc/stream_pump.h"
#include "grpcpp/grpcpp.h"
#include "shared/base/clock.h"
#include "shared/base/happens_before.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

template <typename Message>
class PumpedStream : public grpc::ServerWriteReactor<Message>,
                     public Pumped,
                     public std::enable_shared_from_this<PumpedStream<Message>> {
 public:
  PumpedStream(const base::Clock* clock, absl::Duration most_age)
      : clock_(clock), until_(clock->Monotonic() + most_age) {}

  // Call once, when Next may be called.
  grpc::ServerWriteReactor<Message>* Begin() {
    self_ = this->shared_from_this();
    {
      const base::MutexLock lock(&mutex_);
      begun_ = true;
    }
    Pump();
    return this;
  }

  void End(const grpc::Status& status) {
    {
      const base::MutexLock lock(&mutex_);
      RequestEnd(status);
    }
    Pump();
  }

  void Pump() final {
    std::shared_ptr<const Message> message;
    grpc::Status last;
    {
      const base::MutexLock lock(&mutex_);
      if (!begun_ || writing_ || finished_) return;
      message = NextOrEnd();
      if (message == nullptr && !ending_) return;
      writing_ = message != nullptr;
      finished_ = message == nullptr;
      current_ = message;
      last = status_;
    }
    base::HappensBefore(this);  // what it sets off: see OnDone
    if (message != nullptr) {
      this->StartWrite(message.get());
    } else {
      this->Finish(last);
    }
  }

  void OnWriteDone(bool ok) final {
    {
      const base::MutexLock lock(&mutex_);
      writing_ = false;
      current_.reset();
      if (!ok) RequestEnd(grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone"));
    }
    Pump();
  }

  void OnCancel() final { End(grpc::Status(grpc::StatusCode::CANCELLED, "the caller is gone")); }

  void OnDone() final {
    base::HappensAfter(this);  // all of its own calls, which gRPC promises and TSan does not see
    Closed();
    {
      const auto self = std::move(self_);
    }  // the last reference may go with it
    CallHasEnded();
  }

 protected:
  // The next message, or null when there is none now. `*broken` not OK ends the stream with it.
  virtual std::shared_ptr<const Message> Next(grpc::Status* broken) = 0;
  // The stream is over; called once.
  virtual void Closed() = 0;

 private:
  void RequestEnd(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!ending_) status_ = status;
    ending_ = true;
  }
  std::shared_ptr<const Message> NextOrEnd() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (clock_->Monotonic() >= until_) RequestEnd(grpc::Status::OK);
    if (ending_) return nullptr;
    grpc::Status broken;
    auto message = Next(&broken);
    if (!broken.ok()) RequestEnd(broken);
    return ending_ ? nullptr : message;
  }

  const base::Clock* clock_;
  const absl::Duration until_;
  base::Mutex mutex_;
  bool begun_ ABSL_GUARDED_BY(mutex_) = false;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Message> current_ ABSL_GUARDED_BY(mutex_);  // alive while it is written
  std::shared_ptr<PumpedStream> self_;
};

}  // namespace sallyport::authsvc
