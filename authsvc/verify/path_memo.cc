#include "authsvc/verify/path_memo.h"

#include <utility>

#include "authsvc/verify/generation_cache.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

struct Verified {
  std::vector<crypto::CertificatePtr> issuers;
  AnchorKind anchor = AnchorKind::kAuthority;
  absl::Time not_before;
  absl::Time not_after;
};

struct Failed {
  std::shared_ptr<const PathFailure> failure;
  absl::Time from;
  absl::Time until;
};

std::string PairKey(absl::string_view a, absl::string_view b) { return absl::StrCat(a, b); }

std::shared_ptr<const VerifiedPath> Restore(const Verified& kept,
                                            const crypto::CertificatePtr& leaf) {
  auto path = std::make_shared<VerifiedPath>();
  path->certificates.reserve(kept.issuers.size() + 1);
  path->certificates.push_back(leaf);
  path->certificates.insert(path->certificates.end(), kept.issuers.begin(), kept.issuers.end());
  path->anchor = kept.anchor;
  path->not_before = kept.not_before;
  path->not_after = kept.not_after;
  return path;
}

}  // namespace

struct PathMemo::State {
  explicit State(const PathMemoLimits& limits)
      : failure_ttl(limits.failure_ttl),
        signatures(limits.signatures),
        verified(limits.verified),
        failed(limits.failed),
        parsed(limits.parsed) {}

  const absl::Duration failure_ttl;
  GenerationCache<bool> signatures;  // only good ones are in it
  GenerationCache<Verified> verified;
  GenerationCache<Failed> failed;
  GenerationCache<crypto::CertificatePtr> parsed;
};

PathMemo::PathMemo(const PathMemoLimits& limits) : state_(std::make_unique<State>(limits)) {}
PathMemo::~PathMemo() = default;

absl::StatusOr<crypto::CertificatePtr> PathMemo::Parse(absl::string_view der) {
  const crypto::Sha256Digest digest = crypto::Sha256Array(der);
  const absl::string_view key(reinterpret_cast<const char*>(digest.data()), digest.size());
  crypto::CertificatePtr certificate;
  if (state_->parsed.Find(key, [&](const crypto::CertificatePtr& kept) { certificate = kept; })) {
    return certificate;
  }
  absl::StatusOr<crypto::CertificatePtr> parsed = crypto::ParseCertificate(der);
  if (parsed.ok()) state_->parsed.Put(key, *parsed);
  return parsed;
}

bool PathMemo::FindSignature(absl::string_view child_fingerprint,
                             absl::string_view issuer_spki_sha256) {
  return state_->signatures.Find(PairKey(child_fingerprint, issuer_spki_sha256), [](bool) {});
}

void PathMemo::AddSignature(absl::string_view child_fingerprint,
                            absl::string_view issuer_spki_sha256) {
  state_->signatures.Put(PairKey(child_fingerprint, issuer_spki_sha256), true);
}

bool PathMemo::FindResult(absl::string_view key, absl::Time time,
                          const crypto::CertificatePtr& leaf, PathResult* result) {
  bool holds = false;
  state_->verified.Find(key, [&](const Verified& kept) {
    holds = time >= kept.not_before && time <= kept.not_after;
    if (holds) result->path = Restore(kept, leaf);
  });
  if (holds) return true;
  state_->failed.Find(key, [&](const Failed& kept) {
    holds = time >= kept.from && time <= kept.until;
    if (holds) result->failure = kept.failure;
  });
  return holds;
}

void PathMemo::AddVerified(absl::string_view key, const VerifiedPath& path) {
  Verified kept;
  kept.issuers.assign(path.certificates.begin() + 1, path.certificates.end());
  kept.anchor = path.anchor;
  kept.not_before = path.not_before;
  kept.not_after = path.not_after;
  state_->verified.Put(key, std::move(kept));
}

void PathMemo::AddFailed(absl::string_view key, std::shared_ptr<const PathFailure> failure,
                         absl::Time from, absl::Time until) {
  state_->failed.Put(key, {std::move(failure), from, until});
}

absl::Duration PathMemo::failure_ttl() const { return state_->failure_ttl; }

}  // namespace sallyport::authsvc
