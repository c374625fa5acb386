// Answers of ResolveUpstream and ResolveServer as values. Private keys are base::Secret: cleansed
// when the last holder lets go. Immutable, shared between loops.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/base/reason.h"
#include "shared/base/secret.h"

namespace sallyport::dataplane {

// What every resolved credential has for the cache and failure rules (DESIGN 8).
struct ResolvedAnswer {
  std::vector<std::string> tags;
  uint64_t revision = 0;
  absl::Duration ttl;
  absl::Time hard_expiry = absl::InfiniteFuture();
};

// The forward proxy that leads to the target (CONNECT).
struct ForwardProxy {
  std::string host;  // lower case, IPv6 without brackets
  uint16_t port = 0;
  std::string username;  // Basic credentials; empty: none
  base::Secret password;
};

// Written by us in place of the caller's.
struct SentHeader {
  std::string name;  // a field name
  base::Secret value;
};

// Which client certificate, pins, trust and TLS settings hold for one (API, host, port) (DESIGN 7).
struct UpstreamCredentials : ResolvedAnswer {
  base::Reason reason = base::Reason::kInternal;  // not kAllowed: fail closed with it
  std::string detail;                             // operators only
  std::string certificate_id;                     // empty: no client certificate
  std::vector<std::string> client_chain_der;      // leaf first
  base::Secret client_key_der;                    // PKCS#8
  bool pinned = false;
  std::vector<std::string> pin_spki_sha256;  // 32 raw bytes each
  bool pin_report_only = false;
  bool pin_adds = false;  // pins beside CA trust and name, never in place of them
  bool insecure_skip_verify = false;
  std::string min_version, max_version;  // "1.2", "1.3", empty: default
  std::vector<std::string> ciphers;
  bool common_name_check = false;
  std::vector<std::string> trust_der;  // beside the system store
  std::string server_name;             // SNI and name check; empty: the target's host
  std::optional<ForwardProxy> proxy;   // none: straight to the target, plain http too
  std::optional<SentHeader> header;    // of every request to the target; no matter of a connection
  // Equal answers have equal hashes: a part of the connection pool's key.
  uint64_t settings_hash = 0;
};
using UpstreamCredentialsPtr = std::shared_ptr<const UpstreamCredentials>;

struct ServerPair {
  std::string certificate_id;
  std::vector<std::string> chain_der;  // leaf first
  base::Secret key_der;                // PKCS#8
};
// Server certificates for one SNI on one listener; no pairs: unrecognized_name.
struct ServerCredentials : ResolvedAnswer {
  std::vector<ServerPair> pairs;
  std::string min_version, max_version;  // "1.2", "1.3"; empty: the listener's
};
using ServerCredentialsPtr = std::shared_ptr<const ServerCredentials>;

}  // namespace sallyport::dataplane
