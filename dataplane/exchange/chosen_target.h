// The target that a request or a connection goes to: counted and in its limits while it is used,
// told how it did, and changed for another one where it could not be reached. One loop's thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "dataplane/authorize/verdict.h"
#include "dataplane/upstream/admission.h"
#include "dataplane/upstream/target_group.h"
#include "shared/metrics/sheet.h"

namespace sallyport::dataplane {

class ChosenTarget {
 public:
  // The first one. `hash`: TargetGroup::Choose.
  void Choose(TargetGroup& group, std::optional<uint64_t> hash, int64_t now);
  // One that was not tried. False: there is none, or the budget of retries is used up; it remains.
  [[nodiscard]] bool MoveOn(std::optional<uint64_t> hash, int64_t now, metrics::Sheet& sheet);
  // The API's retries allow another one.
  [[nodiscard]] bool MayMoveOn(const RetryRules& rules) const {
    return rules.enabled && tried_.size() + 1 < rules.max_targets;
  }
  // By `cause`, a constant. Where it is ejected for it that is counted and logged, with `reason`
  // and `detail`.
  void Failed(absl::string_view api_id, absl::string_view cause, base::Reason reason,
              absl::string_view detail, int64_t now, metrics::Sheet& sheet);
  void Succeeded(int64_t now) const { use_.Succeeded(now); }
  // Its place and its count are given back; what it was stays known.
  void Leave();
  void Forget() { target_ = nullptr; }

  [[nodiscard]] const UpstreamTargetPtr& get() const { return target_; }
  const UpstreamTarget& operator*() const { return *target_; }
  const UpstreamTarget* operator->() const { return target_.get(); }
  [[nodiscard]] RetryBudget& retries() const { return use_.group().retries(); }
  [[nodiscard]] Admission& admission() const { return use_.state().admission(); }

  Admission::Ticket ticket;  // of its limits

 private:
  TargetUse use_;
  TriedTargets tried_;  // before it
  UpstreamTargetPtr target_;
};

}  // namespace sallyport::dataplane
