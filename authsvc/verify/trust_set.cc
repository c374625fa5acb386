#include "authsvc/verify/trust_set.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMaxSameSubject = 16;

bool HasLeadingPeriodDns(const crypto::Certificate& certificate) {
  if (!certificate.name_constraints) return false;
  const auto bad = [](const crypto::GeneralName& name) {
    return name.kind == crypto::NameKind::kDns && !name.value.empty() && name.value[0] == '.';
  };
  const auto& constraints = *certificate.name_constraints;
  return std::any_of(constraints.permitted.begin(), constraints.permitted.end(), bad) ||
         std::any_of(constraints.excluded.begin(), constraints.excluded.end(), bad);
}

}  // namespace

absl::string_view AnchorKindName(AnchorKind kind) {
  switch (kind) {
    case AnchorKind::kExact: return "exact";
    case AnchorKind::kAuthority: return "authority";
    case AnchorKind::kPublicKey: return "public key";
  }
  return "unknown";
}

std::shared_ptr<const TrustSet> TrustSet::Make(TrustSpec spec) {
  std::shared_ptr<TrustSet> set(new TrustSet);
  set->allow_leading_period_ = spec.allow_leading_period;
  for (const auto& certificate : spec.authorities) {
    if (certificate == nullptr) continue;
    const bool added =
        set->anchors_.emplace(certificate->fingerprint, AnchorKind::kAuthority).second;
    if (added) set->Index(certificate);
  }
  for (const auto& certificate : spec.exact) {
    if (certificate != nullptr) {
      set->anchors_.emplace(certificate->fingerprint, AnchorKind::kExact);
    }
  }
  for (std::string& key : spec.public_keys) set->public_keys_.insert(std::move(key));
  for (const auto& certificate : spec.known) {
    if (certificate == nullptr) continue;
    const auto anchor = set->anchors_.find(certificate->fingerprint);
    if (anchor != set->anchors_.end() && anchor->second == AnchorKind::kAuthority) continue;
    if (set->known_.insert(certificate->fingerprint).second) set->Index(certificate);
  }
  std::sort(set->starts_.begin(), set->starts_.end());
  set->SetVersion();
  return set;
}

void TrustSet::Index(const crypto::CertificatePtr& certificate) {
  by_subject_[certificate->subject_hash].push_back(certificate);
  starts_.push_back(certificate->not_before);
}

void TrustSet::SetVersion() {
  std::vector<std::string> parts;
  parts.reserve(anchors_.size() + public_keys_.size() + known_.size());
  for (const auto& [fingerprint, kind] : anchors_) {
    parts.push_back(absl::StrCat(kind == AnchorKind::kExact ? "e" : "a", fingerprint));
  }
  for (const std::string& key : public_keys_) {
    parts.push_back(absl::StrCat("p", crypto::Sha256(key)));
  }
  for (const std::string& fingerprint : known_) parts.push_back(absl::StrCat("k", fingerprint));
  std::sort(parts.begin(), parts.end());
  std::string all = allow_leading_period_ ? "1" : "0";
  for (const std::string& part : parts) absl::StrAppend(&all, part);
  version_ = crypto::Sha256(all);
}

bool TrustSet::IsAnchor(absl::string_view fingerprint, AnchorKind* kind) const {
  const auto found = anchors_.find(fingerprint);
  if (found == anchors_.end()) return false;
  *kind = found->second;
  return true;
}

bool TrustSet::HasPublicKey(absl::string_view spki_sha256) const {
  return public_keys_.contains(spki_sha256);
}

absl::Span<const crypto::CertificatePtr> TrustSet::Issuers(uint64_t subject_hash) const {
  const auto found = by_subject_.find(subject_hash);
  if (found == by_subject_.end()) return {};
  return found->second;
}

absl::Time TrustSet::NextNotBefore(absl::Time time) const {
  const auto next = std::upper_bound(starts_.begin(), starts_.end(), time);
  return next == starts_.end() ? absl::InfiniteFuture() : *next;
}

std::vector<std::string> TrustSet::Warnings(absl::Time now) const {
  std::vector<std::string> warnings;
  // By hash: two subjects in one entry would only warn early.
  for (const auto& [hash, certificates] : by_subject_) {
    size_t anchors = 0;
    for (const auto& certificate : certificates) {
      const std::string& name = certificate->subject;
      if (anchors_.contains(certificate->fingerprint)) ++anchors;
      if (now > certificate->not_after) {
        warnings.push_back(absl::StrCat("\"", name, "\" has expired and is not used"));
      }
      if (const crypto::Defect* defect = crypto::FirstDefect(*certificate)) {
        warnings.push_back(absl::StrCat("\"", name, "\" cannot be used: ", defect->detail));
      }
      if (certificate->self_issued && X509_get_version(certificate->x509.get()) == X509_VERSION_1) {
        warnings.push_back(absl::StrCat("\"", name, "\" is version 1: what it issues is refused"));
      }
      if (!allow_leading_period_ && HasLeadingPeriodDns(*certificate)) {
        warnings.push_back(absl::StrCat("\"", name,
                                        "\" has a DNS name constraint with a leading period: "
                                        "DNS names below it are refused"));
      }
    }
    if (anchors > kMaxSameSubject) {
      warnings.push_back(absl::StrCat(anchors, " trust anchors share the subject \"",
                                      certificates.front()->subject,
                                      "\": paths may be too costly to search"));
    }
  }
  std::sort(warnings.begin(), warnings.end());
  return warnings;
}

}  // namespace sallyport::authsvc
