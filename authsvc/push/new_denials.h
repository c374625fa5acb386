// What a write added to the deny list, to find the stored certificates that it names. Reads the few fields
// that it needs out of the DER: parsing every certificate would hold up the push of a revocation.
#pragma once

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "authsvc/snapshot/entries.h"

namespace sallyport::authsvc {

class NewDenials {
 public:
  NewDenials(const v1::GatewaySettings& before, const v1::GatewaySettings& after);

  [[nodiscard]] bool empty() const {
    return public_keys_.empty() && signed_parts_.empty() && issuers_by_serial_.empty();
  }
  // By the first certificate of the entry.
  [[nodiscard]] bool Names(const CertificateEntry& entry) const;

 private:
  void Add(const v1::RevokedCertificate& item);

  absl::flat_hash_set<std::string> public_keys_;   // SHA-256, raw
  absl::flat_hash_set<std::string> signed_parts_;  // SHA-256, raw
  absl::flat_hash_map<std::string, absl::flat_hash_set<std::string>> issuers_by_serial_;
};

}  // namespace sallyport::authsvc
