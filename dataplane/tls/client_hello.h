// The server name of a ClientHello. RFC 6066 3: one host_name, no trailing dot, ASCII. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// `extension`: the body of the server_name extension. False: malformed. `sni`: lower case, without
// trailing dot.
[[nodiscard]] bool ParseServerName(absl::string_view extension, std::string* sni);

}  // namespace sallyport::dataplane
