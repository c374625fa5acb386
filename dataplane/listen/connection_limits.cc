#include "dataplane/listen/connection_limits.h"

#include <algorithm>

#include "dataplane/tls/address_group.h"

namespace sallyport::dataplane {
namespace {

constexpr uint64_t kOwnDescriptors = 64;  // files, listeners, authsvc, /metrics
constexpr absl::Duration kSilence = absl::Minutes(1);

// What is no address of the network is only itself.
std::string CountedAs(absl::string_view address) {
  std::string group = AddressGroup(address);
  return group.empty() ? std::string(address) : group;
}

}  // namespace

uint32_t ConnectionLimits::Affordable(uint32_t wanted, uint64_t descriptors) {
  const uint64_t rest = descriptors - std::min(descriptors, kOwnDescriptors);
  // A client that waits costs one, a client that is served two.
  return static_cast<uint32_t>(
      std::clamp<uint64_t>(rest / 4 * 3, 1, std::max<uint32_t>(wanted, 1)));
}

bool ConnectionLimits::Count(absl::string_view address) {
  if (per_address_ == 0 || address.empty()) return true;
  uint32_t& count = by_address_[CountedAs(address)];
  if (count >= per_address_) return false;
  ++count;
  return true;
}

bool ConnectionLimits::Enter(absl::string_view address) {
  const base::MutexLock lock(&mutex_);
  if (open_ >= total_ || !Count(address)) return false;
  ++open_;
  return true;
}

bool ConnectionLimits::Name(absl::string_view address) {
  const base::MutexLock lock(&mutex_);
  return Count(address);
}

void ConnectionLimits::Leave(absl::string_view address) {
  const base::MutexLock lock(&mutex_);
  --open_;
  if (per_address_ == 0 || address.empty()) return;
  const auto found = by_address_.find(CountedAs(address));
  if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
}

bool ConnectionLimits::MayShake(absl::string_view address, absl::Duration now) {
  return !handshakes_.limits() ||
         handshakes_.Take(AddressGroup(address), absl::ToInt64Nanoseconds(now));
}

bool ConnectionLimits::MaySay(NotTaken cause, absl::Duration now) {
  const base::MutexLock lock(&mutex_);
  absl::Duration& until = silent_until_[static_cast<size_t>(cause)];
  if (now < until) return false;
  until = now + kSilence;
  return true;
}

}  // namespace sallyport::dataplane
