#include "authsvc/verify/path_search.h"

#include <algorithm>

#include "authsvc/verify/path_report.h"
#include "authsvc/verify/policies.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

// The profile: 8 certificates between leaf and anchor.
size_t MaxCertificates(int max_depth) {
  const int limit = kMaxPathCertificates;
  return static_cast<size_t>(max_depth <= 0 ? limit : std::min(max_depth, limit - 2) + 2);
}

std::shared_ptr<const VerifiedPath> MakePath(std::vector<crypto::CertificatePtr> certificates,
                                             AnchorKind anchor) {
  auto path = std::make_shared<VerifiedPath>();
  path->anchor = anchor;
  path->not_before = absl::InfinitePast();
  path->not_after = absl::InfiniteFuture();
  for (const auto& certificate : certificates) {
    path->not_before = std::max(path->not_before, certificate->not_before);
    path->not_after = std::min(path->not_after, certificate->not_after);
  }
  path->certificates = std::move(certificates);
  return path;
}

}  // namespace

PathSearch::PathSearch(const PathQuestion& question, PathMemo* memo)
    : question_(question),
      max_certificates_(MaxCertificates(question.max_depth)),
      pool_(question),
      signatures_(memo, kMaxSignatureWeight),
      names_(question.trust->allow_leading_period(), kMaxNameComparisons),
      edges_(question, &signatures_, &names_) {
  path_.push_back(question.presented.front());
}

PathResult PathSearch::Run() {
  PathResult result;
  const crypto::Certificate& leaf = *path_.front();
  if (!CheckLeaf(leaf, question_.time, question_.purpose, question_.revocation.get(), &problems_)) {
    result.failure = std::make_shared<PathFailure>(MakeFailure(problems_.front(), &leaf));
    return result;
  }
  const Outcome outcome = Extend();
  if (outcome == Outcome::kFound) {
    result.path = MakePath(std::move(path_), anchor_);
  } else {
    result.failure = std::make_shared<PathFailure>(Explain(outcome));
  }
  result.cost = Cost();
  return result;
}

PathSearch::Outcome PathSearch::Extend() {
  AnchorKind kind = AnchorKind::kAuthority;
  if (pool_.IsEnd(*path_.back(), static_cast<int>(path_.size()) - 1, &kind)) return Complete(kind);
  if (path_.size() >= max_certificates_) return Outcome::kNotFound;
  for (const crypto::CertificatePtr& issuer : pool_.IssuersOf(path_)) {
    const Outcome outcome = TryIssuer(issuer);
    if (outcome != Outcome::kNotFound) return outcome;
  }
  return Outcome::kNotFound;
}

PathSearch::Outcome PathSearch::TryIssuer(const crypto::CertificatePtr& issuer) {
  if (++edge_count_ > kMaxEdges) return Outcome::kBudget;
  problems_.clear();
  if (!edges_.Check(path_, *issuer, CheckMode::kPruned, &problems_)) {
    const bool budget = problems_.front().reason == Reason::kCertPathBudget;
    return budget ? Outcome::kBudget : Outcome::kNotFound;
  }
  path_.push_back(issuer);
  const Outcome outcome = Extend();
  if (outcome == Outcome::kNotFound) path_.pop_back();
  return outcome;
}

PathSearch::Outcome PathSearch::Complete(AnchorKind kind) {
  if (++complete_paths_ > kMaxCompletePaths) return Outcome::kBudget;
  problems_.clear();
  if (!CheckPolicies(path_, &problems_)) return Outcome::kNotFound;
  anchor_ = kind;
  return Outcome::kFound;
}

PathFailure PathSearch::Explain(Outcome outcome) {
  if (outcome != Outcome::kBudget) {
    return ReportFailure(question_, pool_, &signatures_, &names_, max_certificates_);
  }
  const PathCost cost = Cost();
  return MakeFailure(
      {Reason::kCertPathBudget, X509_V_ERR_UNSPECIFIED,
       absl::StrCat("path search ended at its budget: ", cost.edges, " edges, ", cost.candidates,
                    " complete paths, signature weight ", cost.signature_weight, ", ",
                    cost.name_comparisons, " name comparisons"),
       0},
      question_.presented.front().get());
}

PathCost PathSearch::Cost() const {
  PathCost cost;
  cost.edges = edge_count_;
  cost.candidates = complete_paths_;
  cost.signatures = signatures_.verified();
  cost.signature_weight = signatures_.weight();
  cost.name_comparisons = names_.comparisons();
  return cost;
}

}  // namespace sallyport::authsvc
