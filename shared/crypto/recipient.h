// A random key that is handed on in a file: wrapped so that one recipient alone gets it out, by a
// key pair or by a passphrase. X25519 and EC: an ephemeral key of the same curve, ECDH, HKDF-SHA256
// (RFC 5869), AES-256-GCM; RSA (2048 bits and more): OAEP with SHA-256 (RFC 8017); passphrase:
// scrypt (RFC 7914). Pure functions, thread-safe. Texts of errors never hold a key or a passphrase.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "shared/base/secret.h"

namespace sallyport::crypto {

struct WrappedKey {
  std::string method;     // ecdh | rsa-oaep | scrypt
  std::string recipient;  // hex SHA-256 of the recipient's SubjectPublicKeyInfo; scrypt: empty
  std::string given;      // ecdh: SubjectPublicKeyInfo of the ephemeral key; scrypt: salt
  std::string wrapped;
};

// `pem`: a public key or a certificate, whose dates are not looked at. InvalidArgument: it is none,
// or cannot be wrapped for (Ed25519 and Ed448 sign only).
[[nodiscard]] absl::StatusOr<WrappedKey> WrapForPublicKey(absl::string_view pem,
                                                          absl::string_view key);
// At least 12 characters.
[[nodiscard]] absl::StatusOr<WrappedKey> WrapForPassphrase(absl::string_view passphrase,
                                                           absl::string_view key);

// InvalidArgument: no private key, or not the recipient's; DataLoss: changed.
[[nodiscard]] absl::StatusOr<base::Secret> UnwrapWithPrivateKey(absl::string_view pem,
                                                                const WrappedKey& wrapped);
[[nodiscard]] absl::StatusOr<base::Secret> UnwrapWithPassphrase(absl::string_view passphrase,
                                                                const WrappedKey& wrapped);

}  // namespace sallyport::crypto
