// What path validation remembers: verified signatures, results, parsed certificates. Bounded;
// entries leave by age of use in two generations. Thread-safe: sharded, each lock is held for one
// look-up. Failures and successes have budgets of their own, so that refused callers cannot push
// out good ones.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "authsvc/verify/verify_path.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

// In entries. A parsed certificate is about 7 KB, a result or a signature some hundred bytes.
struct PathMemoLimits {
  size_t signatures = 65536;
  size_t verified = 65536;
  size_t failed = 8192;
  size_t parsed = 8192;
  absl::Duration failure_ttl = absl::Seconds(5);
};

class PathMemo {
 public:
  explicit PathMemo(const PathMemoLimits& limits = {});
  ~PathMemo();
  PathMemo(const PathMemo&) = delete;
  PathMemo& operator=(const PathMemo&) = delete;

  // ParseCertificate, remembered by the SHA-256 of the DER (parsing costs 100 µs).
  [[nodiscard]] absl::StatusOr<crypto::CertificatePtr> Parse(absl::string_view der);

  // For VerifyPath only.
  [[nodiscard]] bool FindSignature(absl::string_view child_fingerprint,
                                   absl::string_view issuer_spki_sha256);
  void AddSignature(absl::string_view child_fingerprint, absl::string_view issuer_spki_sha256);
  // `key` covers everything but the time, and the leaf's fingerprint. Results hold for times in
  // [from, until]; of a verified path only the issuers are kept, the leaf is the asker's.
  [[nodiscard]] bool FindResult(absl::string_view key, absl::Time time,
                                const crypto::CertificatePtr& leaf, PathResult* result);
  void AddVerified(absl::string_view key, const VerifiedPath& path);
  void AddFailed(absl::string_view key, std::shared_ptr<const PathFailure> failure, absl::Time from,
                 absl::Time until);
  [[nodiscard]] absl::Duration failure_ttl() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sallyport::authsvc
