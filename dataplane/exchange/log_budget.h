// How many lines of a kind go to the log: floods are made up by whoever likes, and those of one
// kind must not hide another. One loop's thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace sallyport::dataplane {

class LogBudget {
 public:
  // Of each kind.
  explicit LogBudget(uint32_t lines_a_second) : most_(lines_a_second) {}

  // True: log it, with `*left_out` of the same kind that came before it.
  [[nodiscard]] bool Take(absl::string_view kind, absl::Duration now, uint64_t* left_out);

 private:
  struct OfKind {
    absl::Duration until;  // the second that is counted
    uint32_t lines = 0;
    uint64_t left_out = 0;
  };
  const uint32_t most_;
  absl::flat_hash_map<std::string, OfKind> kinds_;
};

}  // namespace sallyport::dataplane
