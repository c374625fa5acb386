// Load balancing: smooth weighted round robin (each target at its weight's share, spread evenly).
// One object per route and loop; not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/route/route.h"
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

// The balancers of one loop, one per route, made when a route is first used and dropped with it.
class RouteBalancers {
 public:
  // The next target of the route, or the override of `version` (may be null) where it has one. Null when
  // there is none that can be used.
  [[nodiscard]] UpstreamTargetPtr Next(const RoutePtr& route, const RouteVersion* version);

 private:
  struct Held {
    std::weak_ptr<const Route> route;
    Balancer balancer;
    absl::flat_hash_map<const RouteVersion*, UpstreamTargetPtr> overrides;
  };
  Held& Of(const RoutePtr& route);
  void Forget();

  absl::flat_hash_map<const Route*, std::unique_ptr<Held>> held_;
  size_t forget_at_ = 64;
};

}  // namespace sallyport::dataplane
