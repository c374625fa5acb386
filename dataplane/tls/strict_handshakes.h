// The handshakes of one loop at strict SNIs: how many may wait for authsvc at a time, in all and of
// one client address, on which stacks, and their end when the loop ends. One loop's thread.
#pragma once

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "dataplane/tls/fiber.h"
#include "dataplane/tls/waiting_addresses.h"

namespace sallyport::dataplane {

class ClientValidation;
class StrictHandshake;

class StrictHandshakes {
 public:
  struct Limits {
    size_t waiting = 256;            // at a time
    size_t waiting_of_address = 64;  // of one address (AddressGroup) in all loops; 0: no limit
    absl::Duration wait = absl::Seconds(2);
  };

  // `validation` and `addresses` (the process's) outlive this, and this its handshakes.
  StrictHandshakes(const Limits& limits, ClientValidation& validation, WaitingAddresses& addresses)
      : limits_(limits),
        validation_(validation),
        addresses_(addresses),
        stacks_(limits.waiting + 1) {}
  StrictHandshakes(const StrictHandshakes&) = delete;
  StrictHandshakes& operator=(const StrictHandshakes&) = delete;

  [[nodiscard]] ClientValidation& validation() const { return validation_; }
  // One more than may wait: whoever does not wait has room for its step.
  [[nodiscard]] FiberStacks& stacks() { return stacks_; }
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] size_t waiting() const { return waiting_.size(); }

  // False: too many wait. `group` may be empty: counted in the whole alone.
  [[nodiscard]] bool Enter(StrictHandshake* handshake, const std::string& group);
  void Leave(StrictHandshake* handshake, const std::string& group);

  // Refuses whoever waits, and from now on whoever would. Before the loop's thread ends: what waits
  // on a stack of its own cannot go on anywhere else.
  void EndAll();

 private:
  const Limits limits_;
  ClientValidation& validation_;
  WaitingAddresses& addresses_;
  FiberStacks stacks_;
  bool ended_ = false;
  absl::flat_hash_set<StrictHandshake*> waiting_;
};

}  // namespace sallyport::dataplane
