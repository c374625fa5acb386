// Writes to server streams from one thread, so that whoever has news (the writer, a timer) only
// says so. Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <thread>

#include "shared/base/mutex.h"

namespace sallyport::authsvc {

// A stream that can be told to go on, to end, and when its time is up.
class Pumped {
 public:
  virtual ~Pumped() = default;
  // Writes what there is to say unless a write is under way. Any thread.
  virtual void Pump() = 0;

 private:
  friend class StreamPump;
  std::atomic<bool> queued_{false};
};

class StreamPump {
 public:
  StreamPump();
  ~StreamPump();
  StreamPump(const StreamPump&) = delete;
  StreamPump& operator=(const StreamPump&) = delete;

  // Returns at once; `stream` is pumped soon unless it is gone by then.
  void Wake(const std::weak_ptr<Pumped>& stream);

 private:
  void Run();

  base::Mutex mutex_;
  base::CondVar changed_;
  std::deque<std::weak_ptr<Pumped>> queue_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::authsvc
