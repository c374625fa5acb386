// The session-ticket keys of one group of data planes, and the rules by which they change. Whoever
// holds one can forge the ticket of any client of the group, so the secret halves are base::Secret
// and nothing here prints. Pure, except for the random bytes of new keys.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

struct TicketKey {
  std::string name;     // 16 random bytes; in clear at the head of each ticket
  base::Secret secret;  // 64: for AES-256-CBC, then for HMAC-SHA256
  absl::Time made;
};
using TicketKeyPtr = std::shared_ptr<const TicketKey>;

struct TicketRing {
  std::vector<TicketKeyPtr> keys;  // newest first
  // Deny entries for which the keys were replaced (DenyMark): whoever one of them names gets none
  // of these keys, from no authsvc.
  std::set<std::string> denied;
};

// Keys that open tickets: the newest, which makes them, and two older ones.
inline constexpr int kTicketKeysLive = 3;
[[nodiscard]] inline absl::Duration TicketKeyLife(absl::Duration rotate_every) {
  return rotate_every * kTicketKeysLive;
}

// True when there is no key, or the newest is `rotate_every` old or from a future further away than
// that (the clock was wrong when it was made).
[[nodiscard]] bool RotationDue(const TicketRing& ring, absl::Time now, absl::Duration rotate_every);
// A new key; those stay that are younger than their life, at most two.
void Rotate(absl::Time now, absl::Duration rotate_every, TicketRing* ring);
// A new key and no other: tickets of before are void.
void Replace(absl::Time now, TicketRing* ring);

// A deny entry ("spiffe://…", "spki-sha256:HEX") as the ring remembers it: 16 bytes.
[[nodiscard]] std::string DenyMark(absl::string_view entry);

// The keys as bytes, to be sealed, and back. DATA_LOSS: not made by EncodeTicketKeys.
[[nodiscard]] base::Secret EncodeTicketKeys(const std::vector<TicketKeyPtr>& keys);
[[nodiscard]] absl::StatusOr<std::vector<TicketKeyPtr>> DecodeTicketKeys(absl::string_view bytes);

}  // namespace sallyport::authsvc
