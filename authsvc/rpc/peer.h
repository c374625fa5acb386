// The role of the caller of one gRPC call, from what its TLS connection proved.
#pragma once

#include "authsvc/rpc/role.h"

namespace grpc {
class ServerContextBase;
}

namespace sallyport::authsvc {

// Role::kNone when the connection is not TLS with a client certificate, or the certificate names none.
[[nodiscard]] Peer PeerOf(const grpc::ServerContextBase& context, const RoleMap& roles);

}  // namespace sallyport::authsvc
