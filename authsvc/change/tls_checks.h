// Checks of how TLS is spoken with upstreams. Only for this folder.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/checks.h"

namespace sallyport::authsvc {

// TLS 1.0 and 1.1 are for the upstreams of single APIs (an empty prefix), with a warning. Names of
// ciphers that nobody knows are skipped, as Tyk does, with a warning; nothing else in the list: an
// error, since no connection could be made.
[[nodiscard]] absl::Status CheckUpstreamTls(absl::string_view prefix, const v1::TransportTls& tls,
                                            Warnings* warnings);

}  // namespace sallyport::authsvc
