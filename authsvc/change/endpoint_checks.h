// Checks of what endpoints change of requests and answers (v1::Endpoint). Pure functions; errors
// are INVALID_ARGUMENT with a text for whoever wrote the API.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// Of requests: names that are the connection's or tell of the caller are refused. Of answers: names
// of the connection, of framing and of this gateway are.
[[nodiscard]] absl::Status CheckRequestHeaders(absl::string_view what, const v1::Api& api,
                                               const v1::HeaderChange& change);
[[nodiscard]] absl::Status CheckResponseHeaders(absl::string_view what,
                                                const v1::HeaderChange& change);
[[nodiscard]] absl::Status CheckEndpoint(absl::string_view what, const v1::Api& api,
                                         const v1::Endpoint& endpoint);

}  // namespace sallyport::authsvc
