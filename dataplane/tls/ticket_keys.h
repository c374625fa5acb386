// Keys of stateless session tickets, in memory only: rotated hourly, two older ones still accepted.
// Whoever holds one can forge any client, so they are never written, logged or sent. Thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/clock.h"
#include "shared/base/mutex.h"

namespace sallyport::dataplane {

struct TicketKey {
  ~TicketKey();  // cleanses
  std::array<unsigned char, 16> name;
  std::array<unsigned char, 32> aes;
  std::array<unsigned char, 32> hmac;
  absl::Duration made;  // monotonic
};
using TicketKeyPtr = std::shared_ptr<const TicketKey>;

class TicketKeys {
 public:
  static constexpr absl::Duration kRotation = absl::Hours(1);
  static constexpr int kOlder = 2;

  explicit TicketKeys(const base::Clock& clock);
  // The key to make tickets with; rotates when it is due. Null when no random bytes could be had.
  [[nodiscard]] TicketKeyPtr Current();
  // Null: unknown or too old.
  [[nodiscard]] TicketKeyPtr Find(absl::string_view name);
  // Makes every ticket of before worthless.
  void DropAll();

 private:
  void RotateIfDue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const base::Clock& clock_;
  base::Mutex mutex_;
  std::array<TicketKeyPtr, kOlder + 1> keys_ ABSL_GUARDED_BY(mutex_);  // newest first
};

}  // namespace sallyport::dataplane
