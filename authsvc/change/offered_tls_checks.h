// Checks of what a listener offers at single server names: versions and ciphers of TLS. Pure;
// errors are INVALID_ARGUMENT with a text for whoever wrote the listener.
#pragma once

#include "absl/status/status.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] absl::Status CheckServerNameTls(const v1::Listener& listener);

}  // namespace sallyport::authsvc
