// One key that verifies tokens. It has one type from its making on and fits the algorithms of that
// type only, so a public key never becomes an HMAC secret (RFC 8725 section 2.1). Immutable after
// it was made: may be used from many threads and is cheap to copy. The rules on public keys are
// those of shared/crypto: RSA of 2048 to 8192 bits, P-256, P-384, P-521, Ed25519.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "shared/base/secret.h"
#include "shared/jwt/algorithm.h"

struct evp_pkey_st;  // OpenSSL's EVP_PKEY

namespace sallyport::jwt {

enum class KeyType : uint8_t { kSecret, kRsa, kP256, kP384, kP521, kEd25519 };
[[nodiscard]] absl::string_view KeyTypeName(KeyType type);

inline constexpr size_t kLeastSecretBytes = 32;
inline constexpr size_t kMostSecretBytes = 4096;
inline constexpr size_t kMostKeyIdBytes = 256;

class Key {
 public:
  [[nodiscard]] KeyType type() const { return type_; }
  [[nodiscard]] const std::string& id() const { return id_; }  // kid; empty: none
  // Whether this key may verify that algorithm: type, curve and, where the key names one, its own.
  [[nodiscard]] bool Fits(Algorithm algorithm) const;
  // Null for a secret. Owned by this.
  [[nodiscard]] evp_pkey_st* public_key() const { return public_key_.get(); }
  // Empty for a public key. Valid while this lives.
  [[nodiscard]] absl::string_view secret() const;
  // Of the certificate that the key came in: for whoever warns of it. The key is used all the same,
  // as a trust anchor is.
  [[nodiscard]] std::optional<absl::Time> not_after() const { return not_after_; }
  [[nodiscard]] bool SameMaterial(const Key& other) const;
  [[nodiscard]] bool SameAlgorithm(const Key& other) const { return only_ == other.only_; }

  void set_id(std::string id) { id_ = std::move(id); }
  void set_only(Algorithm algorithm) { only_ = algorithm; }

 private:
  friend absl::StatusOr<Key> ReadPublicKey(absl::string_view text);
  friend absl::StatusOr<Key> MakePublicKey(std::shared_ptr<evp_pkey_st> key);
  friend absl::StatusOr<Key> MakeSecretKey(base::Secret secret);
  Key() = default;

  KeyType type_ = KeyType::kSecret;
  std::string id_;
  std::optional<Algorithm> only_;
  std::shared_ptr<evp_pkey_st> public_key_;
  std::shared_ptr<const base::Secret> secret_;
  std::optional<absl::Time> not_after_;
};

// One PEM or DER public key or certificate (of a chain, the first), also PEM whose line ends became
// blanks. Text with a private key in it is refused. Errors are InvalidArgument, for the operator.
[[nodiscard]] absl::StatusOr<Key> ReadPublicKey(absl::string_view text);
// From OpenSSL's object, which must never be changed afterwards.
[[nodiscard]] absl::StatusOr<Key> MakePublicKey(std::shared_ptr<evp_pkey_st> key);
// For HS256, HS384 and HS512. Refused: under 32 bytes, over 4096, and anything that is or looks
// like a public key, certificate or JWK: what is public must not authenticate anybody.
[[nodiscard]] absl::StatusOr<Key> MakeSecretKey(base::Secret secret);

}  // namespace sallyport::jwt
