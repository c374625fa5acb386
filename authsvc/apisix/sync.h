// Brings what is stored in line with this process's settings: at a start, and when they change.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "authsvc/apisix/surroundings.h"

namespace sallyport::authsvc {
class Writer;
}

namespace sallyport::authsvc::apisix {

// The listener of strict names, the authorities of upstreams and the routes that refer to them, in
// one write; nothing where all of it is so. Blocks on the store.
[[nodiscard]] absl::Status SyncSurroundings(Writer& writer, const Surroundings& surroundings,
                                            absl::Time now);

// The certificates of `pem`: what is wrong with them, else OK. Each must be a CA; those that have
// expired do not count, and one at least must be left.
[[nodiscard]] absl::Status CheckTrustedCertificates(const std::string& pem, absl::Time now);

}  // namespace sallyport::authsvc::apisix
