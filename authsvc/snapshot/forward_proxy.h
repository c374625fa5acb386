// The forward proxy of an API as a place to connect to. Pure, thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {

// http://host:port and nothing else. Errors say what to do and never repeat the text: a password
// may stand in it.
[[nodiscard]] absl::StatusOr<domain::HostPort> ParseProxyUrl(absl::string_view url);

// host:port, IPv6 in brackets.
[[nodiscard]] std::string ProxyAuthority(const domain::HostPort& proxy);

}  // namespace sallyport::authsvc
