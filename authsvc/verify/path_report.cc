#include "authsvc/verify/path_report.h"

#include <algorithm>
#include <optional>

#include "authsvc/verify/policies.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

constexpr int kMaxCandidates = 4;
constexpr int kMaxSteps = 64;

enum class Rank : uint8_t { kBadSignature, kUnknownIssuer, kTooLong, kAnchor };

class Report {
 public:
  Report(const PathQuestion& question, const IssuerPool& pool, SignatureChecker* signatures,
         NameChecker* names, size_t max_certificates)
      : pool_(pool), edges_(question, signatures, names), max_certificates_(max_certificates) {
    path_.push_back(question.presented.front());
  }

  PathFailure Run() {
    Walk();
    if (!best_) return MakeFailure({}, path_.front().get());
    return *best_;
  }

 private:
  void Walk() {
    if (++steps_ > kMaxSteps || candidates_ >= kMaxCandidates) return;
    AnchorKind kind = AnchorKind::kExact;
    if (pool_.IsEnd(*path_.back(), static_cast<int>(path_.size()) - 1, &kind)) {
      const size_t before = problems_.size();
      CheckPolicies(path_, &problems_);
      Consider(Rank::kAnchor);
      problems_.resize(before);
      return;
    }
    const std::vector<crypto::CertificatePtr> issuers = pool_.IssuersOf(path_);
    if (issuers.empty()) return End(Rank::kUnknownIssuer, UnknownIssuer());
    if (path_.size() >= max_certificates_) return End(Rank::kTooLong, TooLong());
    for (const crypto::CertificatePtr& issuer : issuers) Step(issuer);
  }

  void Step(const crypto::CertificatePtr& issuer) {
    const size_t before = problems_.size();
    edges_.Check(path_, *issuer, CheckMode::kReport, &problems_);
    path_.push_back(issuer);
    Walk();
    path_.pop_back();
    problems_.resize(before);
  }

  void End(Rank rank, Problem problem) {
    problems_.push_back(std::move(problem));
    Consider(rank);
    problems_.pop_back();
  }

  [[nodiscard]] int LastDepth() const { return static_cast<int>(path_.size()) - 1; }

  [[nodiscard]] Problem UnknownIssuer() const {
    const int depth = LastDepth();
    int error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
    if (path_.back()->self_issued) {
      error = depth == 0 ? X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT
                         : X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN;
    }
    return {
        Reason::kCertUntrusted, error,
        absl::StrCat("no trusted or known certificate of issuer \"", path_.back()->issuer, "\""),
        depth};
  }
  [[nodiscard]] Problem TooLong() const {
    return {Reason::kCertPathTooLong, X509_V_ERR_CERT_CHAIN_TOO_LONG,
            absl::StrCat("no trust anchor within ", max_certificates_, " certificates"),
            LastDepth()};
  }

  void Consider(Rank rank) {
    ++candidates_;
    if (problems_.empty()) return;  // accepted by the search, or out of its budget
    const bool bad = std::any_of(problems_.begin(), problems_.end(), [](const Problem& problem) {
      return problem.reason == Reason::kCertBadSignature;
    });
    if (bad) rank = Rank::kBadSignature;
    if (best_ && rank <= best_rank_) return;
    const Problem& first =
        *std::min_element(problems_.begin(), problems_.end(),
                          [](const Problem& a, const Problem& b) { return a.depth < b.depth; });
    best_rank_ = rank;
    const auto at = static_cast<size_t>(first.depth);
    best_ = MakeFailure(first, at < path_.size() ? path_[at].get() : nullptr);
  }

  const IssuerPool& pool_;
  EdgeChecker edges_;
  const size_t max_certificates_;
  int steps_ = 0;
  int candidates_ = 0;
  std::vector<crypto::CertificatePtr> path_;
  std::vector<Problem> problems_;
  Rank best_rank_ = Rank::kBadSignature;
  std::optional<PathFailure> best_;
};

}  // namespace

PathFailure MakeFailure(const Problem& problem, const crypto::Certificate* at) {
  PathFailure failure;
  failure.reason = problem.reason;
  failure.x509_error = problem.x509_error;
  failure.depth = problem.depth;
  failure.detail = problem.detail;
  if (at != nullptr) {
    failure.subject = at->subject;
    failure.issuer = at->issuer;
    failure.fingerprint = at->fingerprint;
  }
  return failure;
}

PathFailure ReportFailure(const PathQuestion& question, const IssuerPool& pool,
                          SignatureChecker* signatures, NameChecker* names,
                          size_t max_certificates) {
  return Report(question, pool, signatures, names, max_certificates).Run();
}

}  // namespace sallyport::authsvc
