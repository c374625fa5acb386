// The parts of ParseCertificate, one per file. Only for shared/crypto; each fills its own members
// and leaves OpenSSL's error queue to the caller.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "shared/crypto/certificate.h"

namespace sallyport::crypto::internal {

// The first element of the outer SEQUENCE, header included; empty when there is none.
[[nodiscard]] absl::string_view SignedPart(absl::string_view der);

struct KeyFacts {
  KeyKind kind = KeyKind::kUnknown;
  int bits = 0;
  std::string curve;
  std::string algorithm;
  std::optional<Defect> defect;
};
[[nodiscard]] KeyFacts ReadKey(const X509_PUBKEY* key);

// SANs, e-mail addresses of the subject, name constraints.
void ReadNames(Certificate* certificate);

// False when the time is not DER as RFC 5280 4.1.2.5 has it (Z, seconds, no fraction, a real date).
[[nodiscard]] bool ReadTime(const ASN1_TIME* time, absl::Time* out);

// The certificate and signature slots; all other facts are there already.
void FindDefects(bool times_are_der, Certificate* certificate);

}  // namespace sallyport::crypto::internal
