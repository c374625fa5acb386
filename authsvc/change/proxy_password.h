// The password that an API has for its forward proxy, on its way into the store and out of it. Only
// for this folder. Texts of errors never hold it.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "authsvc/change/sealed_value.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::authsvc {

// Seals the given password into `api`. None given: the one of `stored` (may be null) is kept where
// proxy and user name are the same; a password never follows to another proxy by itself.
[[nodiscard]] absl::Status CompleteProxyPassword(const ValueSealing& sealing,
                                                 absl::string_view password, const v1::Api* stored,
                                                 v1::Api* api);

[[nodiscard]] absl::StatusOr<base::Secret> OpenProxyPassword(const ValueSealing& sealing,
                                                             const v1::Api& api);

}  // namespace sallyport::authsvc
