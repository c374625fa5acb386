// How many client connections the process and one client address (IPv6: its /64) may hold, how many
// handshakes an address may begin, and how often the log says that one was not taken. Thread-safe;
// asked once per connection.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/authorize/miss_limit.h"
#include "dataplane/tls/waiting_addresses.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

// Why a connection was not taken.
enum class NotTaken : uint8_t { kLimit, kDescriptors, kProxyHeader, kOverload, kHandshakes };

class ConnectionLimits {
 public:
  // What `wanted` becomes for a process that may have `descriptors` open files: the rest is for
  // upstreams, authsvc and /metrics, which must go on when clients take all they can get.
  [[nodiscard]] static uint32_t Affordable(uint32_t wanted, uint64_t descriptors);

  // 0 of `per_address` and of `handshakes`, those of an address within a second: no limit.
  ConnectionLimits(uint32_t total, uint32_t per_address, uint32_t handshakes = 0)
      : total_(total), per_address_(per_address), handshakes_(handshakes, handshakes) {}
  // Of no address, an empty one, when it is not known yet: counted in the total alone.
  [[nodiscard]] bool Enter(absl::string_view address);
  // Of one that has entered without: false when the address may not have another, and then it has
  // none still.
  [[nodiscard]] bool Name(absl::string_view address);
  // By the address that it entered or was named with.
  void Leave(absl::string_view address);
  // Whether this address (IPv6: its /64) may begin another handshake now. `now` is monotonic.
  [[nodiscard]] bool MayShake(absl::string_view address, absl::Duration now);
  // Those whose handshakes wait for authsvc.
  [[nodiscard]] WaitingAddresses& waiting() { return waiting_; }
  // True at most once a minute for each cause, however many loops ask. `now` is monotonic.
  [[nodiscard]] bool MaySay(NotTaken cause, absl::Duration now);

 private:
  const uint32_t total_;
  const uint32_t per_address_;
  base::Mutex mutex_;
  absl::Duration silent_until_[5] ABSL_GUARDED_BY(mutex_) = {
      -absl::InfiniteDuration(), -absl::InfiniteDuration(), -absl::InfiniteDuration(),
      -absl::InfiniteDuration(), -absl::InfiniteDuration()};
  // An address of IPv6 counts as its /64.
  [[nodiscard]] bool Count(absl::string_view address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  AddressMisses handshakes_;
  WaitingAddresses waiting_;
  uint32_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, uint32_t> by_address_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
