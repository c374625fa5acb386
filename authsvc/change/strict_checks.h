// Checks of a listener's strict client TLS: which server names, and who may have issued the
// certificates. Pure; errors are INVALID_ARGUMENT with a text for whoever wrote the listener.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

[[nodiscard]] absl::Status CheckStrictClientTls(const CheckContext& context,
                                                const v1::Listener& listener, Warnings* warnings);

}  // namespace sallyport::authsvc
