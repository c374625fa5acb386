// Load balancing: smooth weighted round robin (each target at its weight's share, spread evenly).
// One object per route and loop; not thread-safe.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/upstream/target.h"

namespace sallyport::dataplane {

class Balancer {
 public:
  struct Choice {
    UpstreamTargetPtr target;
    uint32_t weight;  // 0 counts as 1
  };
  explicit Balancer(std::vector<Choice> choices);

  // Null when there is no target.
  [[nodiscard]] UpstreamTargetPtr Next();

 private:
  std::vector<Choice> choices_;
  std::vector<int64_t> current_;
  int64_t total_ = 0;
};

}  // namespace sallyport::dataplane
