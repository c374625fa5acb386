#include "authsvc/decide/static_check.h"

#include "absl/strings/str_cat.h"
#include "authsvc/verify/verify_path.h"

namespace sallyport::authsvc {
namespace {

using base::Reason;

StaticVerdict Alone(const StaticQuestion& question, const Allowlist::Listed& listed) {
  StaticVerdict verdict;
  verdict.certificate_ids.push_back(listed.certificate_id);
  verdict.how =
      absl::StrCat(listed.public_key ? "its public key is listed as " : "it is listed itself as ",
                   listed.certificate_id);
  const crypto::Certificate& leaf = question.presented.leaf();
  auto failure = CheckLeafAlone(leaf, question.now, Purpose::kClient, question.revocation.get());
  if (failure.has_value()) {
    verdict.refusal = RefuseByPath(std::make_shared<const PathFailure>(*std::move(failure)));
  }
  verdict.not_after = leaf.not_after;
  return verdict;
}

const Allowlist::Listed* FindListed(const StaticQuestion& question) {
  for (const Allowlist* list : question.lists) {
    if (const auto* leaf = list->FindLeaf(question.presented.fingerprint)) return leaf;
  }
  const Digest spki = DigestOf(question.presented.leaf().spki_sha256);
  for (const Allowlist* list : question.lists) {
    if (const auto* key = list->FindPublicKey(spki)) return key;
  }
  return nullptr;
}

PathResult VerifyAgainst(const StaticQuestion& question, const Allowlist& list) {
  PathQuestion path;
  path.presented = question.presented.chain;
  path.trust = list.trust;
  path.time = question.now;
  path.purpose = Purpose::kClient;
  path.max_depth = question.max_depth;
  path.revocation = question.revocation;
  return VerifyPath(path, question.memo);
}

StaticVerdict Verified(const Allowlist& list, const VerifiedPath& path) {
  StaticVerdict verdict;
  verdict.not_after = path.not_after;
  verdict.issuers.assign(path.certificates.begin() + 1, path.certificates.end());
  const auto anchor = list.anchor_ids.find(DigestOf(path.certificates.back()->fingerprint));
  if (anchor != list.anchor_ids.end()) verdict.certificate_ids.push_back(anchor->second);
  verdict.how = absl::StrCat(
      "its path of ", path.certificates.size(), " certificates ends at listed ",
      anchor != list.anchor_ids.end() ? anchor->second : path.certificates.back()->subject);
  return verdict;
}

// The failure that says most: anything but "issuer unknown", the API's own list first.
void Keep(std::shared_ptr<const PathFailure> failure, std::shared_ptr<const PathFailure>* best) {
  if (*best == nullptr || (*best)->reason == Reason::kCertUntrusted) *best = std::move(failure);
}

StaticVerdict NotListed(const StaticQuestion& question) {
  StaticVerdict verdict;
  bool any = false;
  for (const Allowlist* list : question.lists) any = any || !list->empty;
  verdict.refusal =
      Refusal{Reason::kCertNotAllowed,
              any ? absl::StrCat("leaf ", question.presented.hex, " is on no allowlist")
                  : std::string("the allowlist is on and empty at every level"),
              nullptr};
  return verdict;
}

}  // namespace

StaticVerdict CheckStatic(const StaticQuestion& question) {
  if (const Allowlist::Listed* listed = FindListed(question)) return Alone(question, *listed);
  std::shared_ptr<const PathFailure> best;
  for (const Allowlist* list : question.lists) {
    if (list->trust == nullptr) continue;
    const PathResult result = VerifyAgainst(question, *list);
    if (result.ok()) return Verified(*list, *result.path);
    Keep(result.failure, &best);
  }
  if (best == nullptr) return NotListed(question);
  StaticVerdict verdict;
  verdict.refusal = RefuseByPath(best);
  return verdict;
}

}  // namespace sallyport::authsvc
