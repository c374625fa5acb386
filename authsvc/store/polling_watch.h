// A watch that compares a version at an interval: SQLite has no notification between processes.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "absl/status/statusor.h"
#include "authsvc/store/store.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class PollingWatch final : public StoreWatch {
 public:
  using Version = std::function<absl::StatusOr<int64_t>()>;
  // Calls `changed` on a thread of its own when `version` answers another value; an error is "no
  // news".
  PollingWatch(Version version, absl::Duration interval, std::function<void()> changed);
  ~PollingWatch() override;

 private:
  bool WaitForNext();  // false: stop
  void Poll();

  const Version version_;
  const absl::Duration interval_;
  const std::function<void()> changed_;
  int64_t last_ = -1;
  base::Mutex mutex_;
  base::CondVar stopped_;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace sallyport::authsvc
