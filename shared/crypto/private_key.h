// Private keys in memory. RSA, ECDSA on a NIST curve, Ed25519 and Ed448; thread-safe functions.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/base/secret.h"
#include "shared/crypto/certificate.h"
#include "shared/crypto/openssl.h"

namespace sallyport::crypto {

// From PKCS#8 DER, every byte taken.
[[nodiscard]] absl::StatusOr<UniquePkey> LoadPrivateKey(absl::string_view pkcs8_der);
// From PKCS#8, PKCS#1 or SEC1 DER.
[[nodiscard]] absl::StatusOr<UniquePkey> LoadAnyPrivateKey(absl::string_view der);
[[nodiscard]] absl::StatusOr<base::Secret> ToPkcs8(EVP_PKEY* key);
// Its SubjectPublicKeyInfo in DER.
[[nodiscard]] absl::StatusOr<std::string> PublicKeyDer(EVP_PKEY* key);
[[nodiscard]] bool KeyMatches(const Certificate& certificate, EVP_PKEY* private_key);
// A public key that this product would rely on; as DER SubjectPublicKeyInfo. Null when it is fit.
[[nodiscard]] std::optional<Defect> CheckPublicKey(absl::string_view spki_der);

}  // namespace sallyport::crypto
