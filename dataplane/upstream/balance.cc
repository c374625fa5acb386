#include "dataplane/upstream/balance.h"

namespace sallyport::dataplane {

RouteBalancers::Held& RouteBalancers::HeldFor(const RoutePtr& route) {
  std::unique_ptr<Held>& held = held_[route.get()];
  // The same address may be another route by now.
  if (held != nullptr && held->route.lock() == route) return *held;
  held = std::make_unique<Held>();
  held->route = route;
  held->targets = new TargetGroup(*route, route->targets, registry_);
  return *held;
}

TargetGroup* RouteBalancers::Of(const RoutePtr& route, const RouteTarget* other) {
  if (route->broken) return nullptr;
  Held& held = HeldFor(route);
  if (other == nullptr) return held.targets->size() == 0 ? nullptr : held.targets.get();
  TargetGroupPtr& group = held.others[other];
  if (group == nullptr) group = new TargetGroup(*route, {*other}, registry_);
  return group.get();
}

void RouteBalancers::Sweep() {
  for (auto it = held_.begin(); it != held_.end();) {
    const auto now = it++;
    if (now->second->route.expired()) held_.erase(now);
  }
}

}  // namespace sallyport::dataplane
