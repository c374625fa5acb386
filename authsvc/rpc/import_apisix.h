// How the Admin service hands objects of APISIX to whoever converts them (authsvc/apisix).
#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace sallyport::v1 {
class ApplyRequest;
class ApplyResponse;
}  // namespace sallyport::v1

namespace sallyport::authsvc {

inline constexpr absl::string_view kApisixObjects = "apisix";  // ApplyRequest.as

// As admin::Apply. Called on threads that may block; thread-safe.
using ImportApisix = std::function<absl::StatusOr<::sallyport::v1::ApplyResponse>(
    absl::string_view who, const ::sallyport::v1::ApplyRequest& request)>;

}  // namespace sallyport::authsvc
