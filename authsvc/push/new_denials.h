// What a write added to the deny list, to find whoever it names among the stored certificates and,
// at the data planes, among the presented ones.
#pragma once

#include <vector>

#include "authsvc/snapshot/entries.h"
#include "shared/crypto/denied_certificates.h"

namespace sallyport::authsvc {

class NewDenials {
 public:
  NewDenials(const v1::GatewaySettings& before, const v1::GatewaySettings& after);

  [[nodiscard]] bool empty() const { return denied_.empty(); }
  [[nodiscard]] const std::vector<v1::RevokedCertificate>& items() const { return items_; }
  // By the first certificate of the entry.
  [[nodiscard]] bool Names(const CertificateEntry& entry) const;

 private:
  std::vector<v1::RevokedCertificate> items_;
  crypto::DeniedCertificates denied_;
};

}  // namespace sallyport::authsvc
