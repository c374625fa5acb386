#include "authsvc/verify/issuer_pool.h"

#include <algorithm>

namespace sallyport::authsvc {
namespace {

bool SameName(const X509* issuer, const X509* child) {
  return X509_NAME_cmp(X509_get_subject_name(issuer), X509_get_issuer_name(child)) == 0;
}

bool IsRepeated(PathView path, const crypto::Certificate& issuer) {
  return std::any_of(path.begin(), path.end(), [&](const crypto::CertificatePtr& there) {
    return there->fingerprint == issuer.fingerprint ||
           (there->subject_hash == issuer.subject_hash &&
            there->spki_sha256 == issuer.spki_sha256 &&
            X509_NAME_cmp(X509_get_subject_name(there->x509.get()),
                          X509_get_subject_name(issuer.x509.get())) == 0);
  });
}

}  // namespace

void IssuerPool::AddMatching(PathView path, absl::Span<const crypto::CertificatePtr> from,
                             bool presented, std::vector<crypto::CertificatePtr>* out) const {
  const crypto::Certificate& child = *path.back();
  for (const crypto::CertificatePtr& issuer : from) {
    if (issuer->subject_hash != child.issuer_hash) continue;
    if (!SameName(issuer->x509.get(), child.x509.get()) || IsRepeated(path, *issuer)) continue;
    const bool doubled = presented && std::any_of(out->begin(), out->end(), [&](const auto& there) {
                           return there->fingerprint == issuer->fingerprint;
                         });
    if (!doubled) out->push_back(issuer);
  }
}

int IssuerPool::Rank(const crypto::Certificate& child, const crypto::Certificate& issuer) const {
  int key_id = 1;  // unknown
  if (!child.authority_key_id.empty() && !issuer.subject_key_id.empty()) {
    key_id = child.authority_key_id == issuer.subject_key_id ? 0 : 2;
  }
  AnchorKind kind = AnchorKind::kExact;
  const bool anchor = question_.trust->IsAnchor(issuer.fingerprint, &kind);
  const bool in_date = question_.time >= issuer.not_before && question_.time <= issuer.not_after;
  return key_id * 4 + (anchor ? 0 : 2) + (in_date ? 0 : 1);
}

std::vector<crypto::CertificatePtr> IssuerPool::IssuersOf(PathView path) const {
  const crypto::Certificate& child = *path.back();
  std::vector<crypto::CertificatePtr> found;
  AddMatching(path, question_.trust->Issuers(child.issuer_hash), false, &found);
  AddMatching(path, absl::MakeSpan(question_.presented).subspan(1), true, &found);
  std::vector<std::pair<int, size_t>> order;
  order.reserve(found.size());
  for (size_t i = 0; i < found.size(); ++i) order.emplace_back(Rank(child, *found[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<crypto::CertificatePtr> sorted;
  sorted.reserve(found.size());
  for (const auto& [rank, i] : order) sorted.push_back(std::move(found[i]));
  return sorted;
}

bool IssuerPool::IsEnd(const crypto::Certificate& certificate, int depth, AnchorKind* kind) const {
  if (question_.trust->IsAnchor(certificate.fingerprint, kind)) {
    return depth == 0 || *kind == AnchorKind::kAuthority;
  }
  *kind = AnchorKind::kPublicKey;
  return depth == 0 && question_.trust->HasPublicKey(certificate.spki_sha256);
}

}  // namespace sallyport::authsvc
