// Server credentials from a directory that is swapped as a whole.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "shared/config/tls_files.h"

namespace grpc {
class ServerCredentials;
}

namespace sallyport::authsvc {

// Checks the files first: gRPC would only log what is wrong and then refuse every connection. A client
// certificate of the control CA is required and verified.
[[nodiscard]] absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const config::TlsDirectory& directory, absl::Duration reload);

}  // namespace sallyport::authsvc
