// Whose address: IPv4 whole (also mapped into IPv6), IPv6 by its /64, which one host has to itself.
// Bytes, never shown. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// Of an address as text, without port; empty: not one.
[[nodiscard]] std::string AddressGroup(absl::string_view address);

}  // namespace sallyport::dataplane
