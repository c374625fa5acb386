// The target groups of one loop: one for each route, made when the route is first used and dropped
// with it, and one for each server beside its targets. One loop's thread.
#pragma once

#include <memory>

#include "absl/container/flat_hash_map.h"
#include "dataplane/route/route.h"
#include "dataplane/upstream/target_group.h"

namespace sallyport::dataplane {

class RouteBalancers {
 public:
  // `registry` outlives this.
  explicit RouteBalancers(TargetRegistry& registry) : registry_(registry) {}

  // The targets of the route, or `other`, a server in the route beside them (of a version, of a
  // rewrite), where it is not null. Null when there is none that can be used. Lives until the next
  // call.
  [[nodiscard]] TargetGroup* Of(const RoutePtr& route, const RouteTarget* other);
  // Lets go of routes that are gone. Call about once a second.
  void Sweep();

 private:
  struct Held {
    std::weak_ptr<const Route> route;
    TargetGroupPtr targets;
    absl::flat_hash_map<const RouteTarget*, TargetGroupPtr> others;
  };
  Held& HeldFor(const RoutePtr& route);

  TargetRegistry& registry_;
  absl::flat_hash_map<const Route*, std::unique_ptr<Held>> held_;
};

}  // namespace sallyport::dataplane
