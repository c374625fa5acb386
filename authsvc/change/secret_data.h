// The data of Secrets on its way into the store: sealed one by one, and never taken out again by an
// admin call. Only for this folder. Texts of errors never hold a value.
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

// `data` becomes all that `secret` seals; what `stored` (may be null) seals the same keeps its
// ciphertext, so that a write that changes nothing stays one.
[[nodiscard]] absl::Status SealSecretData(const ValueSealing& sealing,
                                          const std::map<std::string, base::Secret>& data,
                                          const v1::KubeSecret* stored, v1::KubeSecret* secret);

// One value that is stored, for what the gateway itself sends and for sealed exports: never for an
// answer to an admin. NotFound: there is none of that name.
[[nodiscard]] absl::StatusOr<base::Secret> OpenSecretData(const ValueSealing& sealing,
                                                          const v1::KubeSecret& secret,
                                                          const std::string& key);

}  // namespace sallyport::authsvc
