#include "authsvc/decide/issuer_keys.h"

#include <utility>

namespace sallyport::authsvc {

jwt::KeySet OwnKeysOf(const Snapshot& snapshot, const v1::TokenIssuer& issuer, absl::Time now) {
  jwt::KeySet set;
  for (const std::string& reference : issuer.certificate_ids()) {
    const CertificateEntry* const entry = snapshot.FindCertificate(issuer.org_id(), reference);
    if (entry == nullptr || entry->ExpiredAt(now)) continue;
    const auto chain = entry->ChainDer();
    const absl::string_view der = chain.empty() ? absl::string_view(entry->der) : chain.front();
    if (auto key = jwt::ReadPublicKey(der); key.ok()) set.keys.push_back(*std::move(key));
  }
  return set;
}

bool MayUse(const v1::TokenIssuer& issuer, jwt::Algorithm algorithm) {
  // Who has shared secrets signs by them alone, and nobody else signs so.
  if (jwt::IsSymmetric(algorithm) == issuer.shared_secrets().empty()) return false;
  if (issuer.algorithms().empty()) return !jwt::IsSymmetric(algorithm);
  for (const std::string& name : issuer.algorithms()) {
    if (jwt::AlgorithmFromName(name) == algorithm) return true;
  }
  return false;
}

}  // namespace sallyport::authsvc
