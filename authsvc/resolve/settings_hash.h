// A hash of everything in an answer that decides how a connection is made and checked; what only
// says how long the answer holds is left out. Equal answers have equal hashes.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "sallyport/v1/decision.pb.h"

namespace sallyport::authsvc {

// Never 0. The private key counts by the certificate that it belongs to, the forward proxy's
// password by its sealed form `password`: a hash of the password itself could be guessed.
[[nodiscard]] uint64_t SettingsHash(const v1::ResolveUpstreamResponse& answer,
                                    absl::string_view password);

}  // namespace sallyport::authsvc
