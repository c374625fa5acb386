// What a finished handshake says about a client. Values only; nothing here is a decision: that a
// chain is present says that the leaf's key was proven, not that anyone trusts it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/authorize/facts.h"

namespace sallyport::dataplane {

struct TlsPeer {
  bool tls = false;  // false: plain HTTP, nothing else is set
  // Lower case; of a client that sent none, the listener's fallback name; empty: none.
  std::string sni;
  bool asked_for_certificate = false;  // the handshake requested one (a resumed one: its first did)
  uint64_t client_tls_version = 0;     // the client-TLS settings that the handshake used
  // Of the rule on TLS versions that the name's certificate came with; 0: there was none.
  uint64_t served_version = 0;
  bool resumed = false;
  bool http2 = false;          // chosen by ALPN
  PeerCertificatePtr chain;    // null: no certificate
  absl::string_view protocol;  // "TLSv1.3"; a constant of OpenSSL
  absl::string_view cipher;
};

}  // namespace sallyport::dataplane
