// The targets of one API (or of one version's override) as one loop uses them: which of them the
// next request goes to, by the API's policy and by what is known of their health. Ejected targets
// and those that are down are left out, unless so few would be left that all are used (panic); a
// target that came back gets a growing share first (slow start). One loop's thread.
#pragma once

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "dataplane/route/route.h"
#include "dataplane/upstream/hash_ring.h"
#include "dataplane/upstream/retry_budget.h"
#include "dataplane/upstream/target.h"
#include "dataplane/upstream/target_registry.h"

namespace sallyport::dataplane {

class TargetUse;
// Of one request, in their order.
using TriedTargets = absl::InlinedVector<uint32_t, 4>;

class TargetGroup : public boost::intrusive_ref_counter<TargetGroup, boost::thread_unsafe_counter> {
 public:
  // `targets`: of the route, or a version's override.
  TargetGroup(const Route& route, const std::vector<RouteTarget>& targets,
              TargetRegistry& registry);

  // A target that was not tried; empty when there is none. `hash`: for consistent hashing, nothing
  // where the request has nothing to be told by: it goes where round robin sends it.
  [[nodiscard]] TargetUse Choose(std::optional<uint64_t> hash, const TriedTargets& tried,
                                 int64_t now);

  [[nodiscard]] RetryBudget& retries() { return retries_; }
  [[nodiscard]] size_t size() const { return targets_.size(); }

 private:
  friend class TargetUse;
  struct Target {
    UpstreamTargetPtr target;
    TargetStatePtr state;
    uint32_t weight = 1;
    uint32_t outstanding = 0;  // requests of this loop
    int64_t current = 0;       // of smooth weighted round robin
  };
  using Candidates = absl::InlinedVector<uint32_t, 16>;

  [[nodiscard]] int Pick(std::optional<uint64_t> hash, const TriedTargets& tried, int64_t now);
  [[nodiscard]] Candidates Healthy(const TriedTargets& tried, int64_t now) const;
  [[nodiscard]] int64_t Share(const Target& target, int64_t now) const;
  [[nodiscard]] uint32_t InTurn(const Candidates& candidates, int64_t now);
  [[nodiscard]] uint32_t LeastLoaded(const Candidates& candidates, int64_t now);
  [[nodiscard]] uint32_t ByHash(uint64_t hash, const Candidates& candidates, int64_t now) const;

  const BalancingRules balancing_;
  const EjectionRules ejection_;
  std::vector<Target> targets_;
  HashRing ring_;
  int64_t weights_ = 0;
  uint64_t outstanding_ = 0;
  RetryBudget retries_;
};

using TargetGroupPtr = boost::intrusive_ptr<TargetGroup>;

// One request at one target: counted from the choice to the end.
class TargetUse {
 public:
  TargetUse() = default;
  TargetUse(TargetUse&& other) noexcept;
  TargetUse& operator=(TargetUse&& other) noexcept;
  ~TargetUse() { End(); }

  [[nodiscard]] explicit operator bool() const { return group_ != nullptr; }
  [[nodiscard]] uint32_t index() const { return index_; }
  [[nodiscard]] const UpstreamTargetPtr& target() const { return group_->targets_[index_].target; }
  [[nodiscard]] TargetState& state() const { return *group_->targets_[index_].state; }
  [[nodiscard]] TargetGroup& group() const { return *group_; }
  void Succeeded(int64_t now) const { state().Succeeded(now); }
  // True: it is ejected for it.
  [[nodiscard]] bool Failed(int64_t now) const;
  void End();

 private:
  friend class TargetGroup;
  TargetUse(TargetGroup* group, uint32_t index);

  TargetGroupPtr group_;
  uint32_t index_ = 0;
};

}  // namespace sallyport::dataplane
