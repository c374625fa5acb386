// What authsvc says about one caller on one API, as values: no wire types leave dataplane/sync.
// Immutable once made, shared between loops as `DecisionPtr`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "dataplane/route/route.h"
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct CertificateFacts {
  std::string fingerprint;      // lower-case hex SHA-256 of the DER
  std::string spki_sha256;      // hex
  std::string subject, issuer;  // RFC 2253
  std::string serial;           // hex
  absl::Time not_before, not_after;
  std::vector<std::string> uri_sans, dns_sans, email_sans, ip_sans;
  bool is_ca = false;
};

struct Identity {
  std::string name;  // key alias or id; else a name of the certificate
  std::string key_id, org_id;
  std::vector<std::string> policy_ids, tags;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::optional<CertificateFacts> certificate;
  bool certificate_verified = false;  // possession proven and accepted for this API
  // DER, the verified path above the leaf, anchor last; only where the API's upstream is told of
  // it.
  std::vector<std::string> path_der;
};

struct LimitGrant {
  std::string bucket;  // what shares the counter
  RateRule rate;
  QuotaRule quota;
  absl::Time reset = absl::InfinitePast();  // counters older than this are void
};

struct Grants {
  bool all_versions = false;
  std::vector<std::string> versions;
  std::vector<CompiledPathRule> urls;  // empty: all
  std::vector<LimitGrant> limits;
  std::vector<std::string> scopes;  // of the token
};

struct PathFailure {
  base::Reason reason = base::Reason::kAllowed;
  int x509_error = 0;
  int depth = 0;
  std::string subject, issuer, fingerprint;
  std::string detail;  // operators only
};

struct Decision {
  base::Reason reason = base::Reason::kInternal;
  std::string detail;  // operators only, never into an answer
  Identity identity;
  Grants grants;
  absl::Duration ttl;
  absl::Time hard_expiry = absl::InfiniteFuture();
  absl::Duration stale_if_error;
  std::vector<std::string> tags;
  uint64_t revision = 0;
  std::optional<PathFailure> failure;

  [[nodiscard]] bool allowed() const { return reason == base::Reason::kAllowed; }
};
using DecisionPtr = std::shared_ptr<const Decision>;

// What authsvc says of a chain alone: path, dates, usage, revocation. Never who may call what.
struct Validation {
  base::Reason reason = base::Reason::kInternal;  // kAllowed: valid
  std::string detail;                             // operators only
  absl::Duration ttl;
  absl::Time not_after = absl::InfiniteFuture();  // of the path
  std::vector<std::string> tags;
  uint64_t revision = 0;

  [[nodiscard]] bool valid() const { return reason == base::Reason::kAllowed; }
};
using ValidationPtr = std::shared_ptr<const Validation>;

}  // namespace sallyport::dataplane
