#include "authsvc/verify/revocation_list.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "shared/crypto/denied_certificates.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc {
namespace {

std::string SerialEntry(absl::string_view issuer_der, absl::string_view serial) {
  const std::string issuer = crypto::Sha256(issuer_der);
  return crypto::Sha256(absl::StrCat("s", issuer, crypto::SerialMagnitude(serial)));
}
std::string KeyEntry(absl::string_view spki) { return crypto::Sha256(absl::StrCat("k", spki)); }
std::string PartEntry(absl::string_view tbs) { return crypto::Sha256(absl::StrCat("t", tbs)); }

}  // namespace

std::shared_ptr<const RevocationList> RevocationList::Make(const RevocationSpec& spec) {
  std::shared_ptr<RevocationList> list(new RevocationList);
  for (const auto& entry : spec.serials) {
    list->denied_.insert(SerialEntry(entry.issuer_der, entry.serial));
  }
  for (const std::string& spki : spec.public_keys) list->denied_.insert(KeyEntry(spki));
  for (const std::string& tbs : spec.signed_parts) list->denied_.insert(PartEntry(tbs));

  std::vector<absl::string_view> sorted(list->denied_.begin(), list->denied_.end());
  std::sort(sorted.begin(), sorted.end());
  std::string all;
  for (absl::string_view entry : sorted) absl::StrAppend(&all, entry);
  list->version_ = crypto::Sha256(all);
  return list;
}

void RevocationList::Add(const crypto::Certificate& certificate, bool with_key,
                         RevocationSpec* spec) {
  spec->serials.push_back({certificate.issuer_der, certificate.serial});
  spec->signed_parts.push_back(certificate.tbs_sha256);
  if (with_key) spec->public_keys.push_back(certificate.spki_sha256);
}

absl::string_view RevocationList::DeniedBy(const crypto::Certificate& certificate) const {
  if (denied_.empty()) return "";
  if (denied_.contains(SerialEntry(certificate.issuer_der, certificate.serial))) {
    return "issuer and serial";
  }
  if (denied_.contains(KeyEntry(certificate.spki_sha256))) return "public key";
  if (denied_.contains(PartEntry(certificate.tbs_sha256))) return "signed part";
  return "";
}

}  // namespace sallyport::authsvc
