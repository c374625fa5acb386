// Checks of what a listener offers at single server names: versions and ciphers of TLS. Pure;
// errors are INVALID_ARGUMENT with a text for whoever wrote the listener.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// What a listener offers where no name has its own: what it does not say itself is the gateway's
// (dataplane/listen/listener_plan.cc), unless that leaves no version.
struct OfferedVersions {
  absl::string_view least;  // of `listener` or `gateway`
  absl::string_view most;
  bool gateway_dropped;  // the gateway's word leaves none: it does not count here
};
[[nodiscard]] OfferedVersions VersionsOf(const v1::Listener& listener,
                                         const v1::GatewaySettings& gateway);

[[nodiscard]] absl::Status CheckServerNameTls(
    const v1::Listener& listener,
    const v1::GatewaySettings& gateway = v1::GatewaySettings::default_instance());

}  // namespace sallyport::authsvc
