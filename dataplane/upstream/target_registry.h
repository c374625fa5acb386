// The states of all targets of this process: one for each (API, scheme, host, port, forward proxy),
// shared by the loops and by the health checks, kept across changes of the API as long as somebody
// uses it. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "dataplane/upstream/target.h"
#include "dataplane/upstream/target_state.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class TargetRegistry {
 public:
  [[nodiscard]] TargetStatePtr Of(absl::string_view api_id, const UpstreamTarget& target);

  struct Counts {
    std::string api_id;
    int64_t usable = 0;
    int64_t ejected = 0;
    int64_t down = 0;  // by their health check, whatever else
  };
  // By API, in no order.
  [[nodiscard]] std::vector<Counts> CountAll(int64_t now_millis) const;

 private:
  struct Entry {
    std::string api_id;
    std::weak_ptr<TargetState> state;
  };
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable base::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  size_t forget_at_ ABSL_GUARDED_BY(mutex_) = 256;
};

}  // namespace sallyport::dataplane
