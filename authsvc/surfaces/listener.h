// An HTTP listener of authsvc, and what it answers to who comes without the certificate that it
// demands.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "shared/admin_http/message.h"
#include "shared/admin_http/router.h"
#include "shared/admin_http/server.h"

namespace sallyport::authsvc {

// Serves until the server ends. `needs_certificate`: no request without a client certificate
// reaches the router.
[[nodiscard]] absl::StatusOr<std::unique_ptr<admin_http::Server>> StartListener(
    const admin_http::ServerOptions& options, admin_http::Router router, bool needs_certificate);

// 403 in the manner of the API that was called.
[[nodiscard]] admin_http::Response CertificateRequired(const admin_http::Request& head);

// Of APISIX's Admin API.
[[nodiscard]] bool IsApisix(const admin_http::Request& head);

}  // namespace sallyport::authsvc
