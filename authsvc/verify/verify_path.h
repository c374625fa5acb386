// Path validation: our own depth-first search and RFC 5280 checks; OpenSSL parses, compares names
// and verifies signatures (reference x509.md). Pure functions of the question; the memo only saves
// work. Thread-safe; one memo may be shared by all threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/verify/revocation_list.h"
#include "authsvc/verify/trust_set.h"
#include "shared/base/reason.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

class PathMemo;

enum class Purpose : uint8_t { kClient, kServer, kAny };  // kAny: no usage is looked at

inline constexpr int kMaxPathCertificates = 10;  // leaf and anchor included

struct PathQuestion {
  std::vector<crypto::CertificatePtr> presented;  // leaf first; only the leaf's key is proven
  TrustSetPtr trust;
  absl::Time time;
  Purpose purpose = Purpose::kClient;
  int max_depth = 0;  // certificates between leaf and anchor; 0 = limit of the profile (8)
  RevocationListPtr revocation;  // null: none
};

struct VerifiedPath {
  std::vector<crypto::CertificatePtr> certificates;  // leaf first, anchor last; one: leaf = anchor
  AnchorKind anchor = AnchorKind::kAuthority;        // how the last one is listed
  absl::Time not_before;                             // latest of the path
  absl::Time not_after;                              // earliest of the path, inclusive
};

struct PathFailure {
  base::Reason reason = base::Reason::kCertUntrusted;
  int x509_error = 0;   // X509_V_ERR_*
  int depth = 0;        // 0 = leaf
  std::string subject;  // of the certificate at that depth, RFC 2253
  std::string issuer;
  std::string fingerprint;  // 32 raw bytes; empty when no certificate is meant
  std::string detail;       // for operators, never for a caller
};

// What the search cost; zeros when the memo answered.
struct PathCost {
  int edges = 0;
  int candidates = 0;        // paths that reached an anchor
  int signatures = 0;        // verified now, not by the memo
  int signature_weight = 0;  // RSA, P-256, Ed25519: 1; RSA over 4096 bits: 4; P-521: 6; P-384: 10
  int64_t name_comparisons = 0;
};

struct PathResult {
  std::shared_ptr<const VerifiedPath> path;    // set when verified
  std::shared_ptr<const PathFailure> failure;  // set when not; exactly one of the two is set
  PathCost cost;
  bool from_memo = false;

  [[nodiscard]] bool ok() const { return path != nullptr; }
};

// `memo` may be null. An empty chain or a null trust set is a failure, never a crash.
[[nodiscard]] PathResult VerifyPath(const PathQuestion& question, PathMemo* memo);

// The checks that need no path: deny list, defects, dates, usage and key strength. For dynamic
// leaves, whose hash alone is looked up: nothing is said about who issued them. Empty: nothing
// wrong.
[[nodiscard]] std::optional<PathFailure> CheckLeafAlone(const crypto::Certificate& leaf,
                                                        absl::Time time, Purpose purpose,
                                                        const RevocationList* revocation = nullptr);

}  // namespace sallyport::authsvc
