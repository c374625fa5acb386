// The events that handlers of APIs may name. Where they come from: README.md.
#pragma once

#include <array>

#include "absl/strings/string_view.h"

namespace sallyport::authsvc {

// In the order of EventKind (event.h).
inline constexpr std::array<absl::string_view, 8> kEventNames = {
    "AuthFailure",       "KeyExpired",      "VersionFailure",          "QuotaExceeded",
    "RatelimitExceeded", "TriggerExceeded", "CertificateExpiringSoon", "CertificateExpired"};

}  // namespace sallyport::authsvc
