// The changes of late, for Admin.Watch: one bounded list, each watcher a position in it.
// Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "authsvc/store/kind.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

struct WatchItem {
  uint64_t number = 0;  // position
  uint64_t revision = 0;
  Kind kind = Kind::kApi;
  std::string id;
  bool deleted = false;
};

class WatchLog {
 public:
  explicit WatchLog(uint64_t revision, size_t most = 65'536) : most_(most), base_(revision) {}

  void Add(uint64_t revision, Kind kind, std::string id, bool deleted);
  // After the items of one revision were added.
  void Announce();
  // Everything was loaded anew: watchers end.
  void Restart(uint64_t revision);

  // The service ends: so do the watchers.
  void Close();
  [[nodiscard]] bool closed() const;

  // A watcher that has seen everything up to `revision` (0: only what comes from now on).
  // Nothing: what followed that revision is no longer held.
  [[nodiscard]] std::optional<uint64_t> PositionAfter(uint64_t revision) const;
  // The first item behind `position`. `*lost` when the watcher fell behind the list.
  [[nodiscard]] std::optional<WatchItem> After(uint64_t position, bool* lost) const;

  uint64_t AddListener(std::function<void()> wake);
  void RemoveListener(uint64_t id);

 private:
  const size_t most_;
  mutable base::Mutex mutex_;
  std::deque<WatchItem> items_ ABSL_GUARDED_BY(mutex_);
  uint64_t base_ ABSL_GUARDED_BY(mutex_);      // revision that precedes the first item
  uint64_t next_ ABSL_GUARDED_BY(mutex_) = 1;  // number of the next item
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, std::function<void()>> listeners_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_listener_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace sallyport::authsvc
