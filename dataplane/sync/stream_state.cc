#include "dataplane/sync/stream_state.h"

#include <algorithm>

namespace sallyport::dataplane {
namespace {

constexpr absl::Duration kHeartbeatAge = absl::Seconds(3);
constexpr absl::Duration kProofAge = absl::Seconds(5);

}  // namespace

void StreamState::OnHeartbeat(absl::Duration now, absl::Duration proof_age, bool caught_up) {
  proof_age = std::max(proof_age, absl::ZeroDuration());
  if (!caught_up || proof_age >= kProofAge) {
    healthy_until_.store(0, std::memory_order_release);
    return;
  }
  const absl::Duration until = now + std::min(kHeartbeatAge, kProofAge - proof_age);
  last_proof_.store(absl::ToInt64Nanoseconds(now - proof_age), std::memory_order_release);
  healthy_until_.store(absl::ToInt64Nanoseconds(until), std::memory_order_release);
}

void StreamState::OnBroken() { healthy_until_.store(0, std::memory_order_release); }

void StreamState::OnApplied(uint64_t revision, bool snapshot) {
  applied_.store(revision, std::memory_order_release);
  if (!snapshot) return;
  have_snapshot_.store(true, std::memory_order_release);
  if (!Refused()) ready_.store(true, std::memory_order_release);
}

void StreamState::OnRefused() {
  refused_.store(true, std::memory_order_release);
  ready_.store(false, std::memory_order_release);
  healthy_until_.store(0, std::memory_order_release);
}

void StreamState::OnAccepted() {
  refused_.store(false, std::memory_order_release);
  ready_.store(have_snapshot_.load(std::memory_order_acquire), std::memory_order_release);
}

}  // namespace sallyport::dataplane
