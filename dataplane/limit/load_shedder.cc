#include "dataplane/limit/load_shedder.h"

#include <algorithm>
#include <cmath>

namespace sallyport::dataplane {
namespace {

constexpr int64_t kLeastInterval = 100;
constexpr int64_t kTargetsPerInterval = 4;
constexpr double kStep = 0.25;    // of what is still let in
constexpr double kForget = 0.01;  // less is nothing

}  // namespace

LoadShedder::LoadShedder(absl::Duration target)
    : target_(absl::ToInt64Milliseconds(target)),
      interval_(std::max(kLeastInterval, kTargetsPerInterval * target_)) {}

bool LoadShedder::Admit(uint64_t turn, int64_t delay_millis, int64_t now_millis) {
  if (target_ == 0) return true;
  if (turn != last_turn_) {
    // A turn that is longer than an interval, alone: the next one tells what it was.
    const bool undecided = turns_ == 1 && least_ > target_;
    if (now_millis - began_ >= interval_ && !undecided) EndInterval(now_millis);
    // While nothing came there was no queue.
    Forget((now_millis - delay_millis - last_at_) / interval_);
    last_turn_ = turn;
    last_at_ = now_millis;
    ++turns_;
    least_ = std::min(least_, delay_millis);
  }
  owed_ += refused_;
  if (owed_ < 1) return true;
  owed_ -= 1;
  return false;
}

void LoadShedder::Rest(int64_t delay_millis, int64_t now_millis) {
  const int64_t queue_began = now_millis - delay_millis;
  const int64_t intervals = (queue_began - last_at_) / interval_;
  if (intervals <= 0) return;
  Forget(intervals);
  last_at_ = queue_began;
}

void LoadShedder::Forget(int64_t intervals) {
  if (refused_ == 0 || intervals <= 0) return;
  refused_ = std::ldexp(refused_, -static_cast<int>(std::min<int64_t>(intervals, 60)));
  if (refused_ < kForget) refused_ = owed_ = 0;
}

void LoadShedder::EndInterval(int64_t now_millis) {
  const bool stands = turns_ > 1 && least_ > target_;  // one may be a machine that stood still
  if (stands) {
    refused_ = std::min(kMostRefused, refused_ + (1 - refused_) * kStep);
  } else {
    Forget(1);
  }
  began_ = now_millis;
  turns_ = 0;
  least_ = std::numeric_limits<int64_t>::max();
}

}  // namespace sallyport::dataplane
