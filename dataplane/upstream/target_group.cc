#include "dataplane/upstream/target_group.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

constexpr int64_t kFullShare = 100;
constexpr int64_t kFirstShare = 10;  // of a target that has just come back

bool IsAmong(uint32_t index, const TriedTargets& tried) {
  return std::find(tried.begin(), tried.end(), index) != tried.end();
}

}  // namespace

TargetGroup::TargetGroup(const Route& route, const std::vector<RouteTarget>& targets,
                         TargetRegistry& registry)
    : balancing_(route.balancing),
      ejection_(route.ejection),
      retries_(route.retries.budget_percent) {
  std::vector<HashRing::Member> members;
  for (const RouteTarget& one : targets) {
    Target target;
    target.target = MakeUpstreamTarget(one);
    target.state = registry.Of(route.api_id, *target.target);
    target.weight = std::max<uint32_t>(one.weight, 1);
    weights_ += target.weight;
    members.push_back({one.url, target.weight});
    targets_.push_back(std::move(target));
  }
  const bool hashes = balancing_.policy == BalancingRules::Policy::kConsistentHash;
  if (hashes && targets_.size() > 1) ring_ = HashRing(members);
}

TargetUse TargetGroup::Choose(std::optional<uint64_t> hash, const TriedTargets& tried,
                              int64_t now) {
  if (tried.empty()) retries_.Request(now);
  const int picked = Pick(hash, tried, now);
  return picked < 0 ? TargetUse() : TargetUse(this, static_cast<uint32_t>(picked));
}

int TargetGroup::Pick(std::optional<uint64_t> hash, const TriedTargets& tried, int64_t now) {
  if (targets_.size() == 1) return tried.empty() ? 0 : -1;
  Candidates candidates = Healthy(tried, now);
  if (candidates.empty()) {  // rather one of those than none
    for (uint32_t i = 0; i < targets_.size(); ++i) {
      if (!IsAmong(i, tried)) candidates.push_back(i);
    }
  }
  if (candidates.empty()) return -1;
  switch (balancing_.policy) {
    case BalancingRules::Policy::kLeastRequests:
      return static_cast<int>(LeastLoaded(candidates, now));
    case BalancingRules::Policy::kConsistentHash:
      if (hash.has_value()) return static_cast<int>(ByHash(*hash, candidates, now));
      break;
    case BalancingRules::Policy::kRoundRobin: break;
  }
  return static_cast<int>(InTurn(candidates, now));
}

// Those not tried that can be used; all not tried in a panic.
TargetGroup::Candidates TargetGroup::Healthy(const TriedTargets& tried, int64_t now) const {
  Candidates usable;
  Candidates all;
  size_t usable_count = 0;
  for (uint32_t i = 0; i < targets_.size(); ++i) {
    const bool can_be_used = targets_[i].state->usable(now);
    usable_count += can_be_used ? 1 : 0;
    if (IsAmong(i, tried)) continue;
    all.push_back(i);
    if (can_be_used) usable.push_back(i);
  }
  const bool panic = usable_count * 100 < targets_.size() * balancing_.panic_percent;
  return panic ? all : usable;
}

int64_t TargetGroup::Share(const Target& target, int64_t now) const {
  const int64_t since = target.state->back_since();
  const int64_t whole = absl::ToInt64Milliseconds(balancing_.slow_start);
  // One that is still away is only asked for where all are in use.
  const bool grows = since != TargetState::kNever && now >= since && now - since < whole;
  if (!grows) return target.weight * kFullShare;
  const int64_t grown = (now - since) * (kFullShare - kFirstShare) / whole;
  return target.weight * (kFirstShare + grown);
}

uint32_t TargetGroup::InTurn(const Candidates& candidates, int64_t now) {
  int64_t total = 0;
  uint32_t best = candidates.front();
  for (const uint32_t i : candidates) {
    const int64_t share = Share(targets_[i], now);
    targets_[i].current += share;
    total += share;
    if (targets_[i].current > targets_[best].current) best = i;
  }
  targets_[best].current -= total;
  return best;
}

// The fewest requests for its weight; in turn among equals.
uint32_t TargetGroup::LeastLoaded(const Candidates& candidates, int64_t now) {
  const auto load_is_less = [&](uint32_t a, uint32_t b) {
    return targets_[a].outstanding * Share(targets_[b], now) <
           targets_[b].outstanding * Share(targets_[a], now);
  };
  Candidates least;
  for (const uint32_t i : candidates) {
    if (!least.empty() && load_is_less(least.front(), i)) continue;
    if (!least.empty() && load_is_less(i, least.front())) least.clear();
    least.push_back(i);
  }
  return InTurn(least, now);
}

uint32_t TargetGroup::ByHash(uint64_t hash, const Candidates& candidates, int64_t now) const {
  const auto is_candidate = [&](size_t i) {
    return std::find(candidates.begin(), candidates.end(), i) != candidates.end();
  };
  // A target that has just come back takes some of its keys only, always the same.
  const auto slot = static_cast<int64_t>(hash % static_cast<uint64_t>(kFullShare));
  const auto has_room = [&](size_t i) {
    const Target& target = targets_[i];
    if (slot >= Share(target, now) / target.weight) return false;
    if (balancing_.load_percent == 0) return true;
    // Its part of all requests with this one, times the bound, rounded up.
    const uint64_t whole = 100 * static_cast<uint64_t>(weights_);
    const uint64_t most =
        ((outstanding_ + 1) * target.weight * balancing_.load_percent + whole - 1) / whole;
    return target.outstanding < most;
  };
  int found = ring_.Find(hash, [&](size_t i) { return is_candidate(i) && has_room(i); });
  if (found < 0) found = ring_.Find(hash, is_candidate);
  return found < 0 ? candidates.front() : static_cast<uint32_t>(found);
}

TargetUse::TargetUse(TargetGroup* group, uint32_t index) : group_(group), index_(index) {
  ++group_->targets_[index_].outstanding;
  ++group_->outstanding_;
}

TargetUse::TargetUse(TargetUse&& other) noexcept
    : group_(std::move(other.group_)), index_(other.index_) {}

TargetUse& TargetUse::operator=(TargetUse&& other) noexcept {
  if (this != &other) {
    End();
    group_ = std::move(other.group_);
    index_ = other.index_;
  }
  return *this;
}

bool TargetUse::Failed(int64_t now) const {
  // The only one is never left out, and what is counted then would be in force when a second one
  // comes.
  return group_->size() > 1 && state().Failed(group_->ejection_, now);
}

void TargetUse::End() {
  if (group_ == nullptr) return;
  --group_->targets_[index_].outstanding;
  --group_->outstanding_;
  group_ = nullptr;
}

}  // namespace sallyport::dataplane
