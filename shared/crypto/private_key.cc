#include "shared/crypto/private_key.h"

#include <openssl/crypto.h>

#include "absl/strings/str_cat.h"

namespace sallyport::crypto {
namespace {

using UniquePkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, FreeWith<PKCS8_PRIV_KEY_INFO_free>>;

absl::Status CheckKind(const EVP_PKEY* key) {
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
    case EVP_PKEY_EC:
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448: return absl::OkStatus();
    default: return absl::InvalidArgumentError("private key is of a kind that is not supported");
  }
}

absl::StatusOr<UniquePkey> Checked(UniquePkey key) {
  if (key == nullptr) return absl::InvalidArgumentError("private key cannot be decoded");
  if (absl::Status status = CheckKind(key.get()); !status.ok()) return status;
  return key;
}

bool Verifies(EVP_PKEY* public_key, absl::string_view message, const std::string& signature) {
  const UniqueMdCtx context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, public_key) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                          message.size()) == 1;
}

// A private key whose public part was swapped in has the right "equal" and signs nothing useful.
bool SignsFor(EVP_PKEY* private_key, EVP_PKEY* public_key) {
  constexpr absl::string_view kMessage = "sallyport key pair check";
  const auto* message = reinterpret_cast<const unsigned char*>(kMessage.data());
  const UniqueMdCtx context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, private_key) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, message, kMessage.size()) != 1) {
    return false;
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     message, kMessage.size()) != 1) {
    return false;
  }
  signature.resize(size);
  return Verifies(public_key, kMessage, signature);
}

}  // namespace

absl::StatusOr<UniquePkey> LoadPrivateKey(absl::string_view pkcs8_der) {
  const ErrorScope errors;
  const auto* at = reinterpret_cast<const unsigned char*>(pkcs8_der.data());
  const auto* end = at + pkcs8_der.size();
  const UniquePkcs8 info(
      d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(pkcs8_der.size())));
  if (info == nullptr || at != end) {
    return absl::InvalidArgumentError("private key is not PKCS#8 DER");
  }
  return Checked(UniquePkey(EVP_PKCS82PKEY(info.get())));
}

absl::StatusOr<UniquePkey> LoadAnyPrivateKey(absl::string_view der) {
  const ErrorScope errors;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* end = at + der.size();
  UniquePkey key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (key != nullptr && at != end) {
    return absl::InvalidArgumentError("private key has trailing bytes");
  }
  return Checked(std::move(key));
}

absl::StatusOr<base::Secret> ToPkcs8(EVP_PKEY* key) {
  const ErrorScope errors;
  const UniquePkcs8 info(EVP_PKEY2PKCS8(key));
  unsigned char* bytes = nullptr;
  const int size = info == nullptr ? 0 : i2d_PKCS8_PRIV_KEY_INFO(info.get(), &bytes);
  if (size <= 0) return absl::InvalidArgumentError("private key cannot be encoded");
  base::Secret secret =
      base::Secret::CopyOf({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  OPENSSL_clear_free(bytes, static_cast<size_t>(size));
  return secret;
}

absl::StatusOr<std::string> PublicKeyDer(EVP_PKEY* key) {
  const ErrorScope errors;
  unsigned char* bytes = nullptr;
  const int size = i2d_PUBKEY(key, &bytes);
  const UniqueOpensslBytes owner(bytes);
  if (size <= 0) return absl::InvalidArgumentError("public key cannot be encoded");
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool KeyMatches(const Certificate& certificate, EVP_PKEY* private_key) {
  const ErrorScope errors;
  EVP_PKEY* public_key = X509_get0_pubkey(certificate.x509.get());
  if (public_key == nullptr || private_key == nullptr) return false;
  return EVP_PKEY_eq(public_key, private_key) == 1 && SignsFor(private_key, public_key);
}

}  // namespace sallyport::crypto
