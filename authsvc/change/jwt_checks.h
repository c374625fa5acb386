// Signed tokens: what an API asks of them, and who may sign them. Pure; only for this folder.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"

namespace sallyport::authsvc {

// One at least of its tokens is asked for or taken.
[[nodiscard]] bool TakesJwts(const v1::Api& api);
// Places, requirements, references. An issuer or policy that is not there yet is a warning: nobody
// passes by it; an error when strict.
[[nodiscard]] absl::Status CheckJwts(const CheckContext& context, const v1::Api& api,
                                     Warnings* warnings);

}  // namespace sallyport::authsvc
