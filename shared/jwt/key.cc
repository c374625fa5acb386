#include "shared/jwt/key.h"

#include <openssl/core_names.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "shared/base/text.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"

namespace sallyport::jwt {
namespace {

absl::Status BadKey(absl::string_view why) { return absl::InvalidArgumentError(why); }

std::optional<KeyType> EcKeyType(const EVP_PKEY* key) {
  char group[64] = {};
  size_t size = 0;
  if (EVP_PKEY_get_group_name(key, group, sizeof group, &size) != 1) return std::nullopt;
  switch (OBJ_sn2nid(group)) {
    case NID_X9_62_prime256v1: return KeyType::kP256;
    case NID_secp384r1: return KeyType::kP384;
    case NID_secp521r1: return KeyType::kP521;
    default: return std::nullopt;
  }
}

std::optional<KeyType> PublicKeyType(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA: return KeyType::kRsa;
    case EVP_PKEY_EC: return EcKeyType(key);
    case EVP_PKEY_ED25519: return KeyType::kEd25519;
    default: return std::nullopt;
  }
}

// What CheckPublicKey leaves open. Whether an RSA modulus is a product of primes is not asked: that
// takes a quarter of a second for a large one, and whoever publishes it signs tokens anyway.
bool IsSound(KeyType type, EVP_PKEY* key) {
  if (type == KeyType::kRsa) {
    BIGNUM* raw = nullptr;
    if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &raw) != 1) return false;
    const crypto::UniqueBignum modulus(raw);
    return BN_is_odd(modulus.get()) == 1;
  }
  const crypto::UniquePkeyCtx context(EVP_PKEY_CTX_new(key, nullptr));
  return context != nullptr && EVP_PKEY_public_check(context.get()) == 1;
}

bool FitsType(KeyType type, Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs256:
    case Algorithm::kHs384:
    case Algorithm::kHs512: return type == KeyType::kSecret;
    case Algorithm::kRs256:
    case Algorithm::kRs384:
    case Algorithm::kRs512:
    case Algorithm::kPs256:
    case Algorithm::kPs384:
    case Algorithm::kPs512: return type == KeyType::kRsa;
    case Algorithm::kEs256: return type == KeyType::kP256;
    case Algorithm::kEs384: return type == KeyType::kP384;
    case Algorithm::kEs512: return type == KeyType::kP521;
    case Algorithm::kEdDsa: return type == KeyType::kEd25519;
  }
  return false;
}

// Public material is known to everybody: as a secret it would let everybody sign.
bool LooksPublic(absl::string_view secret) {
  if (absl::StrContains(secret, "-----BEGIN ")) return true;
  const absl::string_view text = absl::StripAsciiWhitespace(secret);
  if (absl::StartsWith(text, "{") && absl::StrContains(text, "\"kty\"")) return true;
  // Also the body of a PEM block without its first and last line.
  return crypto::ParsePemOrDer(secret).ok() ||
         crypto::ParsePemOrDer(
             absl::StrCat("-----BEGIN PUBLIC KEY-----\n", text, "\n-----END PUBLIC KEY-----\n"))
             .ok() ||
         crypto::ParsePemOrDer(
             absl::StrCat("-----BEGIN CERTIFICATE-----\n", text, "\n-----END CERTIFICATE-----\n"))
             .ok();
}

absl::StatusOr<crypto::PemBundle> ReadBundle(absl::string_view text) {
  const bool pem = absl::StrContains(text, "-----BEGIN ");
  return pem ? crypto::ParseInlinePem(text) : crypto::ParsePemOrDer(text);
}

}  // namespace

absl::string_view KeyTypeName(KeyType type) {
  switch (type) {
    case KeyType::kSecret: return "secret";
    case KeyType::kRsa: return "RSA";
    case KeyType::kP256: return "P-256";
    case KeyType::kP384: return "P-384";
    case KeyType::kP521: return "P-521";
    case KeyType::kEd25519: return "Ed25519";
  }
  return "";
}

bool Key::Fits(Algorithm algorithm) const {
  return FitsType(type_, algorithm) && (!only_.has_value() || *only_ == algorithm);
}

absl::string_view Key::secret() const { return secret_ == nullptr ? "" : secret_->Reveal(); }

bool Key::SameMaterial(const Key& other) const {
  if (type_ != other.type_) return false;
  if (type_ != KeyType::kSecret) return EVP_PKEY_eq(public_key(), other.public_key()) == 1;
  return base::ConstantTimeEquals(secret(), other.secret());
}

absl::StatusOr<Key> MakePublicKey(std::shared_ptr<EVP_PKEY> public_key) {
  const crypto::ErrorScope errors;
  if (public_key == nullptr) return BadKey("no public key");
  const std::optional<KeyType> type = PublicKeyType(public_key.get());
  if (!type.has_value()) {
    return BadKey("the key's type is not RSA, P-256, P-384, P-521 or Ed25519");
  }
  const absl::StatusOr<std::string> der = crypto::PublicKeyDer(public_key.get());
  if (!der.ok()) return der.status();
  const std::optional<crypto::Defect> defect = crypto::CheckPublicKey(*der);
  if (defect.has_value()) return BadKey(defect->detail);
  if (!IsSound(*type, public_key.get())) return BadKey("the key is not a valid public key");
  Key key;
  key.type_ = *type;
  key.public_key_ = std::move(public_key);
  return key;
}

absl::StatusOr<Key> ReadPublicKey(absl::string_view text) {
  const crypto::ErrorScope errors;
  absl::StatusOr<crypto::PemBundle> bundle = ReadBundle(text);
  if (!bundle.ok()) return bundle.status();
  if (!bundle->private_key.empty()) {
    return BadKey("a private key does not belong here: give its public key or certificate");
  }
  const crypto::Certificate* certificate =
      bundle->chain.empty() ? nullptr : bundle->chain.front().get();
  const std::string& der = certificate == nullptr ? bundle->public_key_der : certificate->spki_der;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  crypto::UniquePkey decoded(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  absl::StatusOr<Key> key = MakePublicKey(std::shared_ptr<EVP_PKEY>(std::move(decoded)));
  if (key.ok() && certificate != nullptr) key->not_after_ = certificate->not_after;
  return key;
}

absl::StatusOr<Key> MakeSecretKey(base::Secret secret) {
  const crypto::ErrorScope errors;
  const size_t size = secret.Reveal().size();
  if (size < kLeastSecretBytes) return BadKey("the secret is shorter than 32 bytes");
  if (size > kMostSecretBytes) return BadKey("the secret is longer than 4096 bytes");
  if (LooksPublic(secret.Reveal())) {
    return BadKey("the secret is a public key or certificate, which everybody may know");
  }
  Key key;
  key.secret_ = std::make_shared<const base::Secret>(std::move(secret));
  return key;
}

}  // namespace sallyport::jwt
