// The depth-first search for a path, pruned at every edge and bounded (reference x509.md, steps 3
// to 5). One object per request; not thread-safe.
#pragma once

#include <vector>

#include "authsvc/verify/edge_checks.h"
#include "authsvc/verify/issuer_pool.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {

inline constexpr int kMaxEdges = 512;
inline constexpr int kMaxCompletePaths = 16;
inline constexpr int64_t kMaxNameComparisons = 250'000;
inline constexpr int kMaxSignatureWeight = 128;
inline constexpr size_t kMaxPresented = 16;

class PathSearch {
 public:
  // `question` has a leaf and a trust set, and outlives this.
  PathSearch(const PathQuestion& question, PathMemo* memo);

  [[nodiscard]] PathResult Run();

 private:
  enum class Outcome : uint8_t { kFound, kNotFound, kBudget };

  Outcome Extend();
  Outcome TryIssuer(const crypto::CertificatePtr& issuer);
  Outcome Complete(AnchorKind kind);
  [[nodiscard]] PathFailure Explain(Outcome outcome);
  [[nodiscard]] PathCost Cost() const;

  const PathQuestion& question_;
  const size_t max_certificates_;
  const IssuerPool pool_;
  SignatureChecker signatures_;
  NameChecker names_;
  EdgeChecker edges_;
  int edge_count_ = 0;
  int complete_paths_ = 0;
  std::vector<crypto::CertificatePtr> path_;
  std::vector<Problem> problems_;
  AnchorKind anchor_ = AnchorKind::kAuthority;
};

}  // namespace sallyport::authsvc
