// How many client connections the process and one client address may hold. Thread-safe; asked once per
// connection.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

class ConnectionLimits {
 public:
  // 0 of `per_address`: no limit.
  ConnectionLimits(uint32_t total, uint32_t per_address) : total_(total), per_address_(per_address) {}
  [[nodiscard]] bool Enter(absl::string_view address);
  void Leave(absl::string_view address);

 private:
  const uint32_t total_;
  const uint32_t per_address_;
  base::Mutex mutex_;
  uint32_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, uint32_t> by_address_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::dataplane
