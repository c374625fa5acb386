// Every secret of a stored resource in clear, by name, and the way back: what `sallyctl export`
// takes out of a store that it has the master key of, and what a "Stored" document brings into
// another. Whoever has store and master key has the secrets anyway: no call of authsvc comes here
// to read.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

using SecretsByName = std::map<std::string, base::Secret>;

// Takes them out of `resource`: what is left is what may be shown. Without a sealer: takes them out
// and opens none.
[[nodiscard]] absl::StatusOr<SecretsByName> TakeStoredSecrets(const ValueSealing& sealing,
                                                              v1::Resource* resource);

}  // namespace sallyport::authsvc
