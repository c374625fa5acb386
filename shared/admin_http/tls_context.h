// The TLS side of an administrative listener: makes contexts from files and notices when those
// change.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "shared/admin_http/server.h"

namespace sallyport::admin_http {

// TLS 1.2 and 1.3, no session tickets or cache (a resumed session has no peer chain), no
// renegotiation. The private key must belong to the certificate. Messages name the file and never
// hold key material.
[[nodiscard]] absl::StatusOr<std::shared_ptr<SSL_CTX>> MakeTlsContext(const ServerOptions& options);

// What changes when one of the files is replaced or rewritten; empty when one is not there.
[[nodiscard]] std::string FilesStamp(const ServerOptions& options);

// Why what the peer presented does not verify; empty: it does, nothing came, or none was asked to.
[[nodiscard]] std::string PeerError(SSL* ssl);

// DER of what the peer presented, leaf first; empty: nothing.
[[nodiscard]] std::vector<std::string> PeerChain(SSL* ssl);

}  // namespace sallyport::admin_http
