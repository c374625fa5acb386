// What an end at an upstream says of it. Pure.
#pragma once

#include "absl/strings/string_view.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

// TLS with it failed, or could not be begun.
[[nodiscard]] bool IsUpstreamTlsFailure(base::Reason reason);
// Why no connection could be made to it, where that is its fault: "connect", "tls"; else "".
[[nodiscard]] absl::string_view ConnectFailure(base::Reason reason);

}  // namespace sallyport::dataplane
