// One worker thread that runs the admitted calls of an administrative surface one after another,
// since a write waits for the store. Bounded. Thread-safe.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/string_view.h"
#include "shared/admin_http/message.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc::admin {

struct AdmittedCall {
  admin_http::Request request;
  admin_http::Responder responder;
  std::string who;  // name of the admin key, for the audit log
};

class CallQueue {
 public:
  using Serve = std::function<void(const AdmittedCall& call)>;
  // How the surface words a refusal.
  using Refuse = admin_http::Response (*)(int status, absl::string_view message);

  // More than `most` waiting are answered with 503. `serve` answers each call, on the worker.
  CallQueue(size_t most, Refuse refuse, Serve serve);
  ~CallQueue();  // answers what waits with 503, ends the worker
  CallQueue(const CallQueue&) = delete;
  CallQueue& operator=(const CallQueue&) = delete;

  void Add(AdmittedCall call);

 private:
  bool Enqueue(AdmittedCall* call);
  std::optional<AdmittedCall> Next();
  void Run();

  const size_t most_;
  const Refuse refuse_;
  const Serve serve_;
  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<AdmittedCall> calls_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace sallyport::authsvc::admin
