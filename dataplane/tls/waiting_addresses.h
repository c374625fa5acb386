// How many handshakes of each client address wait for authsvc, in all loops of the process: whoever
// connects to several of them gets no more. Thread-safe; asked once when a handshake begins to
// wait, and once when it no longer does.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class WaitingAddresses {
 public:
  // False: so many of this group (AddressGroup) wait already.
  [[nodiscard]] bool Enter(const std::string& group, size_t most) {
    const base::MutexLock lock(&mutex_);
    size_t& count = by_group_[group];
    if (count >= most) return false;
    ++count;
    return true;
  }
  void Leave(const std::string& group) {
    const base::MutexLock lock(&mutex_);
    const auto found = by_group_.find(group);
    if (found != by_group_.end() && --found->second == 0) by_group_.erase(found);
  }

 private:
  base::Mutex mutex_;
  absl::flat_hash_map<std::string, size_t> by_group_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
