// Certificates on their way into the store and private keys out of it. Only for this folder.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "sallyport/v1/resources.pb.h"
#include "shared/base/secret.h"

namespace sallyport::crypto {
class Sealer;
}

namespace sallyport::authsvc {

// org + hex SHA-256 of the first certificate, or of the bare public key. Refuses a given id that is
// another, and a certificate that has both or neither.
[[nodiscard]] absl::Status SetCertificateId(v1::Certificate* certificate);

struct CertificateSealing {
  const crypto::Sealer* sealer;  // null: a private key is refused
  const std::string& store_id;
};
struct GivenKey {
  absl::string_view pkcs8_der;   // empty: none
  absl::string_view proven_for;  // SHA-256 of the certificate that it is known to belong to, or ""
};
// Summary and private key: the given one (must belong to the first certificate) is sealed, or the
// one of `stored` (may be null) is kept.
[[nodiscard]] absl::Status CompleteCertificate(const CertificateSealing& sealing,
                                               const GivenKey& given, const v1::Certificate* stored,
                                               v1::Certificate* certificate);

[[nodiscard]] absl::StatusOr<base::Secret> OpenSealedKey(const CertificateSealing& sealing,
                                                         absl::string_view certificate_id,
                                                         const v1::SealedSecret& sealed);

}  // namespace sallyport::authsvc
