// What an operator uploads: certificates, one private key or one bare public key, by the rules and
// with the messages of reference tyk.md 1.2, plus Ed25519 and DER. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/secret.h"
#include "shared/crypto/certificate.h"

namespace sallyport::crypto {

struct PemBundle {
  std::vector<CertificatePtr> chain;  // in the order given, leaf first; empty for a bare public key
  std::string public_key_der;         // SubjectPublicKeyInfo; only for a bare public key
  base::Secret private_key;           // PKCS#8 DER; empty: none. Belongs to chain[0]'s key
  std::vector<std::string> warnings;  // for the operator: an expired certificate further down, …
};

// `now` given: an expired first certificate is refused ("certificate is expired"), one further down
// is a warning. Not given (stored material): dates are not looked at. Errors are InvalidArgument
// and their message is the answer to the operator. At most 1 MB and 100 certificates.
[[nodiscard]] absl::StatusOr<PemBundle> ParsePem(absl::string_view text,
                                                 std::optional<absl::Time> now = std::nullopt);
// PEM when a "-----BEGIN " is in it, else DER: one certificate or one SubjectPublicKeyInfo.
[[nodiscard]] absl::StatusOr<PemBundle> ParsePemOrDer(absl::string_view bytes,
                                                      std::optional<absl::Time> now = std::nullopt);

// PEM inside a configuration value: trimmed, and where its line ends were turned into blanks (as
// environment variables and some editors do) they are restored once.
[[nodiscard]] absl::StatusOr<PemBundle> ParseInlinePem(
    absl::string_view text, std::optional<absl::Time> now = std::nullopt);

[[nodiscard]] std::string CertificatePem(absl::string_view der);
[[nodiscard]] std::string PublicKeyPem(absl::string_view spki_der);

}  // namespace sallyport::crypto
