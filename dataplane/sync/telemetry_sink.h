// Records that a replica reports to authsvc: batched, lossy under load, never on the request path.
// Also what it answers when it is asked about a request.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "dataplane/sync/authsvc_client.h"
#include "dataplane/sync/decision.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct RefusalRecord {
  std::string request_id;
  absl::Time time;
  std::string api_id;
  base::Reason reason = base::Reason::kInternal;
  std::string method, path, host, client_address;
  AuthorizeQuestion question;  // facts; credentials as hashes only
  std::string detail;
};
struct HandshakeFailureRecord {
  absl::Time time;
  std::string sni;
  std::string alert;  // sent or received; empty: none
  std::string label;  // why: of a closed list
  std::string listener;
  std::optional<CertificateFacts> presented;  // NOT proven: fingerprint, subject, issuer, serial
  std::string client_address;
};
// What this replica has counted of the tightest quota of a key in the window that is open.
struct UseOfQuota {
  int64_t used = 0;             // 0: none is counted
  int64_t window_end_unix = 0;  // 0: never renews
};
struct UseRecord {
  std::string key_id, leaf_sha256, api_id;
  uint64_t allowed = 0, refused = 0;
  absl::Time last;
  UseOfQuota quota;
};
struct PinRecord {
  std::string host;
  uint16_t port = 0;
  std::string spki_sha256;  // hex
  bool matched = false;
};

// A request that was let in, as it was kept (dataplane/observe/allowed_ring.h).
struct AllowedRecord {
  std::string request_id;
  absl::Time time;
  std::string version, method, path, host, client_address;
  AuthorizeQuestion question;  // facts; credentials as hashes only; no chain where it had to go
  std::string leaf_sha256;     // hex; empty: no certificate was presented
  Identity identity;           // name, key, organisation, policies
  uint64_t revision = 0;       // of the snapshot that decided
  bool stale = false;
  std::string target;    // scheme://host[:port]
  std::string upstream;  // address:port
  std::string upstream_certificate_id;
  bool upstream_reused = false;
  int status = 0;
  base::Reason reason = base::Reason::kAllowed;  // else: what broke the answer off
  absl::Duration total;
};
// authsvc asks whether this replica let a request in.
struct Lookup {
  std::string lookup_id;  // of this question; goes back with the answer
  std::string request_id;
};
struct LookupAnswer {
  std::string lookup_id;
  std::optional<AllowedRecord> allowed;  // nothing: it is not kept here
};

struct TelemetryBatch {
  std::vector<RefusalRecord> refusals;
  std::vector<HandshakeFailureRecord> handshakes;
  std::vector<UseRecord> uses;
  std::vector<PinRecord> pins;
  uint64_t lost = 0;

  [[nodiscard]] uint64_t records() const {
    return refusals.size() + handshakes.size() + uses.size() + pins.size();
  }
};

// What was taken but did not reach authsvc.
struct LostTelemetry {
  uint64_t records = 0;  // of the batches themselves
  uint64_t told = 0;     // TelemetryBatch::lost of those batches: nobody heard of it
};

class TelemetrySink {
 public:
  virtual ~TelemetrySink() = default;
  // False when the batch could not be taken now (not connected, or the last one is still being
  // sent): the caller keeps or drops it. Never blocks.
  virtual bool Report(const TelemetryBatch& batch) = 0;
  // Since the last call.
  [[nodiscard]] virtual LostTelemetry TakeLost() { return {}; }
};

}  // namespace sallyport::dataplane
