// A ring of ticket keys as a sealed record of the store, and back. Pure, thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/tickets/ticket_ring.h"

namespace sallyport::crypto {
class Sealer;
}

namespace sallyport::authsvc {

struct TicketPlace {
  const crypto::Sealer& sealer;
  absl::string_view store_id;
  absl::string_view group;
};

struct StoredRing {
  TicketRing ring;      // without keys where they cannot be opened
  absl::Status opened;  // NOT_FOUND: under a master key that is not loaded; DATA_LOSS
  absl::Time made;      // of the newest, also when it cannot be opened
  bool rewrap = false;  // it is under another master key than the one that seals now
};

[[nodiscard]] std::string TicketRecordName(absl::string_view group);
[[nodiscard]] absl::StatusOr<std::string> SealRing(const TicketPlace& place,
                                                   const TicketRing& ring);
[[nodiscard]] StoredRing OpenRing(const TicketPlace& place, absl::string_view body);

}  // namespace sallyport::authsvc
