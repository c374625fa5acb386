// Answers in the form of APISIX's Admin API (reference apisix.md A1.3). Pure. Private to this
// folder.
#pragma once

#include "absl/strings/string_view.h"
#include "authsvc/apisix/stored_objects.h"
#include "shared/admin_http/message.h"

namespace sallyport::authsvc::apisix {

using admin_http::Response;

[[nodiscard]] Response JsonAnswer(int status, const Json& body);
// {"error_msg": …}
[[nodiscard]] Response ErrorAnswer(int status, absl::string_view message);
// {"message":"Key not found"}
[[nodiscard]] Response NotFound();
// As nginx answers for certificates: an HTML page with this title.
[[nodiscard]] Response PageAnswer(int status, absl::string_view title);

}  // namespace sallyport::authsvc::apisix
