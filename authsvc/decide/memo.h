// What decisions may remember between calls. It never affects an answer, only its cost: parsed
// certificates, path results (with their own time bounds) and expressions depend on bytes alone.
// One per process, shared by all threads; bounded.
#pragma once

#include "authsvc/decide/regex_cache.h"
#include "authsvc/verify/path_memo.h"

namespace sallyport::authsvc {

class DecisionMemo {
 public:
  explicit DecisionMemo(const PathMemoLimits& limits = {}) : paths_(limits) {}

  [[nodiscard]] PathMemo* paths() { return &paths_; }
  [[nodiscard]] RegexCache* regexes() { return &regexes_; }

 private:
  PathMemo paths_;
  RegexCache regexes_;
};

}  // namespace sallyport::authsvc
