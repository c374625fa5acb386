#include "authsvc/verify/verify_path.h"

#include <algorithm>

#include "authsvc/verify/edge_checks.h"
#include "authsvc/verify/path_memo.h"
#include "authsvc/verify/path_report.h"
#include "authsvc/verify/path_search.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

PathResult Refuse(Reason reason, absl::string_view detail) {
  PathResult result;
  result.failure = std::make_shared<PathFailure>(
      MakeFailure({reason, X509_V_ERR_UNSPECIFIED, std::string(detail), 0}, nullptr));
  return result;
}

// Everything that the answer depends on, but the time. All parts but the chain have a fixed length.
std::string MemoKey(const PathQuestion& question) {
  std::string key;
  key.reserve(66 + 32 * question.presented.size());
  absl::StrAppend(&key, question.trust->version());
  if (question.revocation != nullptr && !question.revocation->empty()) {
    absl::StrAppend(&key, question.revocation->version());
  } else {
    key.append(32, '\0');
  }
  key.push_back(static_cast<char>(question.purpose));
  key.push_back(static_cast<char>(std::clamp(question.max_depth, 0, kMaxPathCertificates)));
  for (const auto& certificate : question.presented) {
    absl::StrAppend(&key, certificate->fingerprint);
  }
  return key;
}

// A failure may end when a certificate that was looked at becomes valid.
absl::Time FailureHoldsUntil(const PathQuestion& question, absl::Duration ttl) {
  absl::Time next = question.trust->NextNotBefore(question.time);
  for (const auto& certificate : question.presented) {
    if (certificate->not_before > question.time) next = std::min(next, certificate->not_before);
  }
  return std::min(question.time + ttl, next - absl::Nanoseconds(1));
}

}  // namespace

PathResult VerifyPath(const PathQuestion& question, PathMemo* memo) {
  if (question.presented.empty()) return Refuse(Reason::kCertRequired, "no certificate");
  if (std::count(question.presented.begin(), question.presented.end(), nullptr) > 0) {
    return Refuse(Reason::kCertMalformed, "a certificate could not be parsed");
  }
  if (question.presented.size() > kMaxPresented) {
    return Refuse(Reason::kCertPathBudget, "too many certificates presented");
  }
  if (question.trust == nullptr) return Refuse(Reason::kCertUntrusted, "no trust anchors");

  if (memo == nullptr) return PathSearch(question, nullptr).Run();
  const std::string key = MemoKey(question);
  PathResult result;
  if (memo->FindResult(key, question.time, question.presented.front(), &result)) {
    result.from_memo = true;
    return result;
  }
  result = PathSearch(question, memo).Run();
  if (result.ok()) {
    memo->AddVerified(key, *result.path);
  } else {
    memo->AddFailed(key, result.failure, question.time,
                    FailureHoldsUntil(question, memo->failure_ttl()));
  }
  return result;
}

std::optional<PathFailure> CheckLeafAlone(const crypto::Certificate& leaf, absl::Time time,
                                          Purpose purpose, const RevocationList* revocation) {
  std::vector<Problem> problems;
  if (CheckLeaf(leaf, time, purpose, revocation, &problems)) return std::nullopt;
  return MakeFailure(problems.front(), &leaf);
}

}  // namespace sallyport::authsvc
