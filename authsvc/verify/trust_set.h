// What a path may end at, and what it may go through without being presented. Immutable once made,
// held by shared_ptr<const>, thread-safe. Equal content gives an equal version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {

// How an anchor is listed; see VerifiedPath::anchor.
enum class AnchorKind : uint8_t {
  kExact,      // this certificate and nothing that it issued
  kAuthority,  // this certificate and, when it is a CA, what it issues
  kPublicKey,  // any leaf with this SubjectPublicKeyInfo
};
[[nodiscard]] absl::string_view AnchorKindName(AnchorKind kind);

struct TrustSpec {
  std::vector<crypto::CertificatePtr> authorities;  // leaf or CA: itself and what it issues
  std::vector<crypto::CertificatePtr> exact;        // itself only
  std::vector<std::string> public_keys;             // SHA-256 of SPKI, 32 raw bytes
  std::vector<crypto::CertificatePtr> known;        // intermediates: never trusted by themselves
  // A DNS constraint with a leading period means "names below", as OpenSSL takes it; else a DNS
  // name below such a CA is refused.
  bool allow_leading_period = false;
};

class TrustSet {
 public:
  [[nodiscard]] static std::shared_ptr<const TrustSet> Make(TrustSpec spec);

  // 32 raw bytes: a hash of everything that can change an answer.
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] bool allow_leading_period() const { return allow_leading_period_; }
  // Nothing can be accepted.
  [[nodiscard]] bool empty() const { return anchors_.empty() && public_keys_.empty(); }
  [[nodiscard]] size_t anchor_count() const { return anchors_.size() + public_keys_.size(); }

  // By the SHA-256 of the DER, never by name and key. Authority wins when listed both ways.
  [[nodiscard]] bool IsAnchor(absl::string_view fingerprint, AnchorKind* kind) const;
  [[nodiscard]] bool HasPublicKey(absl::string_view spki_sha256) const;
  // Authorities and known intermediates whose subject hashes to this; compare the names as well.
  [[nodiscard]] absl::Span<const crypto::CertificatePtr> Issuers(uint64_t subject_hash) const;

  // The next time after `time` at which one of its certificates becomes valid; InfiniteFuture:
  // never.
  [[nodiscard]] absl::Time NextNotBefore(absl::Time time) const;

  // What an operator should know when storing it: expired or unusable anchors, constraints that are
  // refused, more than 16 anchors with one subject.
  [[nodiscard]] std::vector<std::string> Warnings(absl::Time now) const;

 private:
  TrustSet() = default;
  void Index(const crypto::CertificatePtr& certificate);
  void SetVersion();

  bool allow_leading_period_ = false;
  std::string version_;
  absl::flat_hash_map<std::string, AnchorKind> anchors_;  // by fingerprint
  absl::flat_hash_set<std::string> public_keys_;
  absl::flat_hash_set<std::string> known_;  // fingerprints
  absl::flat_hash_map<uint64_t, std::vector<crypto::CertificatePtr>> by_subject_;
  std::vector<absl::Time> starts_;  // all notBefore, sorted
};

using TrustSetPtr = std::shared_ptr<const TrustSet>;

}  // namespace sallyport::authsvc
