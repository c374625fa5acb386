#include "authsvc/watchdog/watchdog.h"

#include "absl/strings/str_cat.h"
#include "shared/base/log.h"

namespace sallyport::authsvc {

HealthState Judge(const StoreHealth& store) {
  HealthState state;
  state.deciding = store.loaded && store.proof_age <= Watchdog::kMaxProofAge;
  state.administering = state.deciding && store.writable;
  if (!store.loaded) {
    state.problem = "nothing is loaded from the store yet";
  } else if (!state.deciding) {
    state.problem =
        absl::StrCat("the store was not reached for ", absl::FormatDuration(store.proof_age));
  } else if (!store.writable) {
    state.problem = absl::StrCat("the store takes no writes: ", store.error);
  }
  return state;
}

void Watchdog::Tick() {
  const HealthState now = Judge(store_());
  std::function<void(const HealthState&)> listener;
  {
    const base::MutexLock lock(&mutex_);
    if (announced_ && now == state_) return;
    announced_ = true;
    state_ = now;
    listener = listener_;
  }
  base::Log(
      now.administering ? base::Level::kInfo : base::Level::kError, "health",
      {{"deciding", now.deciding}, {"administering", now.administering}, {"problem", now.problem}});
  if (listener) listener(now);
}

HealthState Watchdog::health() const {
  const base::MutexLock lock(&mutex_);
  return state_;
}

void Watchdog::OnChange(std::function<void(const HealthState&)> listener) {
  const base::MutexLock lock(&mutex_);
  listener_ = std::move(listener);
  announced_ = false;
}

}  // namespace sallyport::authsvc
