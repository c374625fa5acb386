// What a finished handshake says about a client. Values only; nothing here is a decision: that a chain is
// present says that the leaf's key was proven, not that anyone trusts it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace sallyport::dataplane {

// Certificates as presented, leaf first, at most 8.
struct ClientChain {
  std::vector<std::string> der;
  std::string leaf_sha256;   // 32 bytes
  std::string chain_sha256;  // 32 bytes: over the sorted set of the certificates' hashes
};
using ClientChainPtr = std::shared_ptr<const ClientChain>;

// Hashes included. `der` is not empty.
[[nodiscard]] ClientChainPtr MakeClientChain(std::vector<std::string> der);

struct TlsPeer {
  bool tls = false;                     // false: plain HTTP, nothing else is set
  std::string sni;                      // lower case; empty: none sent
  bool asked_for_certificate = false;   // the handshake requested one (a resumed one: its first did)
  uint64_t client_tls_version = 0;      // the client-TLS settings that the handshake used
  bool resumed = false;
  ClientChainPtr chain;                 // null: no certificate
  absl::string_view protocol;           // "TLSv1.3"; a constant of OpenSSL
  absl::string_view cipher;
};

}  // namespace sallyport::dataplane
