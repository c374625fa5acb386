// The role of the caller of one gRPC call, from what its TLS connection proved.
#pragma once

#include "absl/time/time.h"
#include "authsvc/rpc/role.h"

namespace grpc {
class ServerContextBase;
}

namespace sallyport::authsvc {

// All that TLS proved, for streams, which outlive what is decided at their start.
struct PeerFacts {
  PeerCertificate certificate;
  absl::Time not_after = absl::InfiniteFuture();
};
[[nodiscard]] PeerFacts FactsOf(const grpc::ServerContextBase& context);

// Role::kNone when the connection is not TLS with a client certificate, or the certificate names
// none or is denied.
[[nodiscard]] Peer PeerOf(const grpc::ServerContextBase& context, const RoleMap& roles);

}  // namespace sallyport::authsvc
