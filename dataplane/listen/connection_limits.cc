#include "dataplane/listen/connection_limits.h"

namespace sallyport::dataplane {

bool ConnectionLimits::Enter(absl::string_view address) {
  const base::MutexLock lock(&mutex_);
  if (open_ >= total_) return false;
  if (per_address_ > 0) {
    uint32_t& count = by_address_[address];
    if (count >= per_address_) return false;
    ++count;
  }
  ++open_;
  return true;
}

void ConnectionLimits::Leave(absl::string_view address) {
  const base::MutexLock lock(&mutex_);
  --open_;
  if (per_address_ == 0) return;
  const auto found = by_address_.find(address);
  if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
}

}  // namespace sallyport::dataplane
