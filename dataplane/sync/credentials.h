// Answers of ResolveUpstream and ResolveServer as values. Private keys are base::Secret: cleansed when the
// last holder lets go. Immutable, shared between loops.
#pragma once

#include <cstdint>
#include <memory>
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

class UpstreamCredentials;  // dataplane/upstream_tls/credentials.h

// Which client certificate, pins, trust and TLS settings hold for one (API, host, port) (DESIGN 7).
struct UpstreamAnswer : ResolvedAnswer {
  base::Reason reason = base::Reason::kInternal;  // not kAllowed: fail closed with it
  std::string detail;                             // operators only
  std::shared_ptr<const UpstreamCredentials> credentials;  // never null with kAllowed
  size_t bytes = 0;                               // what it takes in memory, about
};
using UpstreamAnswerPtr = std::shared_ptr<const UpstreamAnswer>;

struct ServerPair {
  std::string certificate_id;
  std::vector<std::string> chain_der;  // leaf first
  base::Secret key_der;                // PKCS#8
};
// Server certificates for one SNI on one listener; no pairs: unrecognized_name.
struct ServerAnswer : ResolvedAnswer {
  std::vector<ServerPair> pairs;
};
using ServerAnswerPtr = std::shared_ptr<const ServerAnswer>;

}  // namespace sallyport::dataplane
