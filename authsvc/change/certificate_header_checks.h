// Headers in which trusted proxies tell of their callers' certificates. Pure.
#pragma once

#include "absl/status/status.h"
#include "authsvc/change/checks.h"

namespace sallyport::authsvc {

// INVALID_ARGUMENT: what is no header name or one with another purpose, and settings by which
// nobody or nearly everybody would be believed. Data planes remove these headers from anybody else.
[[nodiscard]] absl::Status CheckCertificateHeaders(const v1::GatewaySettings& settings,
                                                   Warnings* warnings);

}  // namespace sallyport::authsvc
