#include "authsvc/push/new_denials.h"

#include <string>

#include "absl/container/flat_hash_set.h"

namespace sallyport::authsvc {

NewDenials::NewDenials(const v1::GatewaySettings& before, const v1::GatewaySettings& after) {
  absl::flat_hash_set<std::string> known;
  for (const v1::RevokedCertificate& item : before.revoked())
    known.insert(item.SerializeAsString());
  for (const v1::RevokedCertificate& item : after.revoked()) {
    if (known.contains(item.SerializeAsString())) continue;
    items_.push_back(item);
    denied_.Add(item.issuer_der(), item.serial(), item.spki_sha256(), item.tbs_sha256());
  }
}

bool NewDenials::Names(const CertificateEntry& entry) const {
  if (denied_.NamesKey(DigestBytes(entry.spki_sha256))) return true;
  return !entry.is_public_key && denied_.NamesBesideKey(entry.der);
}

}  // namespace sallyport::authsvc
