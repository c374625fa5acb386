// What decisions may remember between calls. It never affects an answer, only its cost: parsed
// certificates and path results (with their own time bounds) depend on bytes alone; the deny list
// is kept by the store, epoch and revision that it was made from. One per process, shared by all
// threads; bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "authsvc/decide/regex_cache.h"
#include "authsvc/verify/path_memo.h"
#include "authsvc/verify/revocation_list.h"
#include "shared/base/mutex.h"

namespace sallyport::authsvc {

class Snapshot;

class DecisionMemo {
 public:
  explicit DecisionMemo(const PathMemoLimits& limits = {}) : paths_(limits) {}

  [[nodiscard]] PathMemo* paths() { return &paths_; }
  [[nodiscard]] RegexCache* regexes() { return &regexes_; }
  // The deny list of the gateway's settings; null when nothing is denied.
  [[nodiscard]] RevocationListPtr Revocation(const Snapshot& snapshot);

 private:
  PathMemo paths_;
  RegexCache regexes_;
  base::Mutex mutex_;
  std::string store_id_ ABSL_GUARDED_BY(mutex_);
  uint64_t epoch_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t revision_ ABSL_GUARDED_BY(mutex_) = 0;
  RevocationListPtr revocation_ ABSL_GUARDED_BY(mutex_);
};

// The same without a memory.
[[nodiscard]] RevocationListPtr MakeRevocationList(const Snapshot& snapshot);

}  // namespace sallyport::authsvc
