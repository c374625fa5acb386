// An immutable set of trust anchors for upstream servers with a version. Any certificate in it is
// an anchor: a root, an intermediate, or a server certificate that is accepted for its own names.
// Thread-safe (OpenSSL reference-counts and locks the store).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

class TrustAnchors {
 public:
  // `der`: certificates; duplicates are dropped. One that cannot be parsed is left out and its
  // index is put into `unusable` (may be null).
  [[nodiscard]] static std::shared_ptr<const TrustAnchors> Build(
      const std::vector<std::string>& der, std::vector<size_t>* unusable);
  // `base` (may be null) plus `der`.
  [[nodiscard]] static std::shared_ptr<const TrustAnchors> Extend(
      const std::shared_ptr<const TrustAnchors>& base, const std::vector<std::string>& der,
      std::vector<size_t>* unusable);

  [[nodiscard]] X509_STORE* store() const { return store_.get(); }
  // 32 bytes, a function of the set alone.
  [[nodiscard]] const std::string& version() const { return version_; }
  [[nodiscard]] size_t size() const { return anchors_.size(); }

 private:
  TrustAnchors() = default;
  bool Add(const std::string& der);
  void Seal();

  crypto::UniqueX509Store store_;
  std::vector<crypto::UniqueX509> anchors_;
  std::vector<std::string> hashes_;        // SHA-256 of each DER
  absl::flat_hash_set<std::string> seen_;  // while it is built
  std::string version_;
};

using TrustAnchorsPtr = std::shared_ptr<const TrustAnchors>;

}  // namespace sallyport::dataplane
