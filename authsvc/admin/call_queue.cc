#include "authsvc/admin/call_queue.h"

#include <utility>

namespace sallyport::authsvc::admin {

CallQueue::CallQueue(size_t most, Refuse refuse, Serve serve)
    : most_(most), refuse_(refuse), serve_(std::move(serve)), thread_([this] { Run(); }) {}

CallQueue::~CallQueue() {
  {
    base::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.Signal();
  }
  thread_.join();
  std::deque<AdmittedCall> left;
  {
    base::MutexLock lock(&mutex_);
    left.swap(calls_);
  }
  for (const AdmittedCall& call : left) call.responder.Send(refuse_(503, "shutting down"));
}

void CallQueue::Add(AdmittedCall call) {
  if (!Enqueue(&call)) call.responder.Send(refuse_(503, "too many administrative calls at once"));
}

bool CallQueue::Enqueue(AdmittedCall* call) {
  base::MutexLock lock(&mutex_);
  if (stopping_ || calls_.size() >= most_) return false;
  calls_.push_back(std::move(*call));
  changed_.Signal();
  return true;
}

std::optional<AdmittedCall> CallQueue::Next() {
  base::MutexLock lock(&mutex_);
  while (calls_.empty() && !stopping_) changed_.Wait(&mutex_);
  if (stopping_) return std::nullopt;
  AdmittedCall call = std::move(calls_.front());
  calls_.pop_front();
  return call;
}

void CallQueue::Run() {
  while (const std::optional<AdmittedCall> call = Next()) serve_(*call);
}

}  // namespace sallyport::authsvc::admin
