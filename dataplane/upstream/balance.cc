#include "dataplane/upstream/balance.h"

#include <algorithm>

namespace sallyport::dataplane {

Balancer::Balancer(std::vector<Choice> choices)
    : choices_(std::move(choices)), current_(choices_.size(), 0) {
  for (Choice& choice : choices_) {
    choice.weight = std::max<uint32_t>(choice.weight, 1);
    total_ += choice.weight;
  }
}

UpstreamTargetPtr Balancer::Next() {
  if (choices_.empty()) return nullptr;
  if (choices_.size() == 1) return choices_.front().target;
  size_t best = 0;
  for (size_t i = 0; i < choices_.size(); ++i) {
    current_[i] += choices_[i].weight;
    if (current_[i] > current_[best]) best = i;
  }
  current_[best] -= total_;
  return choices_[best].target;
}

RouteBalancers::Held& RouteBalancers::Of(const RoutePtr& route) {
  std::unique_ptr<Held>& held = held_[route.get()];
  // The same address may be another route by now.
  if (held != nullptr && held->route.lock() == route) return *held;
  std::vector<Balancer::Choice> choices;
  for (const RouteTarget& target : route->targets) {
    choices.push_back({MakeUpstreamTarget(target), target.weight});
  }
  held.reset(new Held{route, Balancer(std::move(choices)), {}});
  Held& made = *held;
  if (held_.size() > forget_at_) Forget();
  return made;
}

void RouteBalancers::Forget() {
  for (auto it = held_.begin(); it != held_.end();) {
    const auto now = it++;
    if (now->second->route.expired()) held_.erase(now);
  }
  forget_at_ = std::max<size_t>(64, held_.size() * 2);
}

UpstreamTargetPtr RouteBalancers::Next(const RoutePtr& route, const RouteVersion* version) {
  if (route->broken || (version != nullptr && version->override_broken)) return nullptr;
  Held& held = Of(route);
  if (version == nullptr || !version->override_target.has_value()) return held.balancer.Next();
  UpstreamTargetPtr& target = held.overrides[version];
  if (target == nullptr) target = MakeUpstreamTarget(*version->override_target);
  return target;
}

}  // namespace sallyport::dataplane
