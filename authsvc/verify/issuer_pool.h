// Who may have issued a certificate: trusted, known and presented ones, in the order in which they
// are tried (reference x509.md, step 3). One object per request; not thread-safe.
#pragma once

#include <vector>

#include "authsvc/verify/edge_checks.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {

class IssuerPool {
 public:
  explicit IssuerPool(const PathQuestion& question) : question_(question) {}

  // Key id equal, unknown, different; anchors first; those in date first. None that is in `path`
  // already, by DER or by subject and key. The last of `path` is the child.
  [[nodiscard]] std::vector<crypto::CertificatePtr> IssuersOf(PathView path) const;

  // This certificate ends a path, with `depth` 0 for the leaf.
  [[nodiscard]] bool IsEnd(const crypto::Certificate& certificate, int depth,
                           AnchorKind* kind) const;

 private:
  void AddMatching(PathView path, absl::Span<const crypto::CertificatePtr> from, bool presented,
                   std::vector<crypto::CertificatePtr>* out) const;
  [[nodiscard]] int Rank(const crypto::Certificate& child, const crypto::Certificate& issuer) const;

  const PathQuestion& question_;
};

}  // namespace sallyport::authsvc
