// The session-ticket keys that authsvc gives all replicas of a group. In memory only; whoever has
// one can forge any client of the group, so they are never logged. Immutable, shared.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {

struct SharedTicketKey {
  std::string name;     // 16 bytes
  base::Secret secret;  // 32 bytes for AES-256-CBC, 32 for HMAC-SHA256
  absl::Duration age;   // when it was sent
};

// In place of all that came before; none: forget those.
struct SharedTicketKeys {
  std::vector<SharedTicketKey> keys;  // newest first
  absl::Duration life;                // how long after it was made a key opens tickets
};
using SharedTicketKeysPtr = std::shared_ptr<const SharedTicketKeys>;

}  // namespace sallyport::dataplane
