// The header value that an API's targets ask for, on its way into the store and out of it. Only for
// this folder. Texts of errors never hold it.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

class Snapshot;

// Seals the given value into `api`. None given: the one of `stored` (may be null) is kept where the
// header is the same, every target was one before, and so is what is trusted on the way there:
// whoever may change an API must not send what he does not know to a place of his own.
[[nodiscard]] absl::Status CompleteUpstreamCredential(
    const ValueSealing& sealing, const std::map<std::string, base::Secret>& secrets,
    const v1::Api* stored, v1::Api* api);

// The header's value: the API's own, or what stands now at the places of Secrets that it names.
// kNotFound: nothing is there; kInvalidArgument: what is there is no value of a header. Both say
// which place.
[[nodiscard]] absl::StatusOr<base::Secret> OpenUpstreamCredential(const ValueSealing& sealing,
                                                                  const Snapshot& snapshot,
                                                                  const v1::Api& api);
// The value that is stored with the API itself. NotFound: there is none.
[[nodiscard]] absl::StatusOr<base::Secret> OpenOwnCredential(const ValueSealing& sealing,
                                                             const v1::Api& api);

}  // namespace sallyport::authsvc
