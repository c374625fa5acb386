// Which APIs a certificate that expires is told to. Private to this folder.
#pragma once

#include <vector>

#include "absl/time/time.h"
#include "authsvc/events/event.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {

// One for each API that has a handler for it and uses the certificate: in its allowlist, towards
// its upstreams, as its own, or as that of a key with a right to it.
[[nodiscard]] std::vector<Event> CertificateEvents(const Snapshot& snapshot,
                                                   const CertificateEntry& certificate,
                                                   absl::Time now);

}  // namespace sallyport::authsvc
