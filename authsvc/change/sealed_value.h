// A single value that the store keeps sealed in a field of a resource: on its way in and out. Only
// for this folder. Texts of errors never hold it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"
#include "shared/crypto/sealer.h"

namespace sallyport::authsvc {

struct ValueSealing {
  const crypto::Sealer* sealer;  // null: nothing can be sealed or opened
  const std::string& store_id;
};

// `record` and `field` bind the value to its place (crypto::SealPlace). What `stored` (may be null)
// seals the same keeps its ciphertext: a write that changes nothing stays one.
[[nodiscard]] absl::StatusOr<v1::SealedSecret> SealValue(const ValueSealing& sealing,
                                                         absl::string_view record,
                                                         absl::string_view field,
                                                         absl::string_view value,
                                                         const v1::SealedSecret* stored);

[[nodiscard]] absl::StatusOr<base::Secret> OpenValue(const ValueSealing& sealing,
                                                     absl::string_view record,
                                                     absl::string_view field,
                                                     const v1::SealedSecret& sealed);

}  // namespace sallyport::authsvc
