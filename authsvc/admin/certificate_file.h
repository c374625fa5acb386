// Certificates in files of this machine, for configuration that is this process's own.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace sallyport::authsvc::admin {

// At most 1 MB of a regular file. Errors name the path and the reason, never the content;
// NotFound: there is none, and the path may be anything.
[[nodiscard]] absl::StatusOr<std::string> ReadCertificateFile(const std::string& path);

}  // namespace sallyport::authsvc::admin
