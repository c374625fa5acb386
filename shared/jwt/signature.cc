#include "shared/jwt/signature.h"

#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>

#include "shared/base/text.h"
#include "shared/crypto/openssl.h"

namespace sallyport::jwt {
namespace {

using UniqueEcdsaSig = std::unique_ptr<ECDSA_SIG, crypto::FreeWith<ECDSA_SIG_free>>;

const unsigned char* Raw(absl::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

// Null for EdDSA, which hashes by itself.
const EVP_MD* HashOf(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::kHs256:
    case Algorithm::kRs256:
    case Algorithm::kPs256:
    case Algorithm::kEs256: return EVP_sha256();
    case Algorithm::kHs384:
    case Algorithm::kRs384:
    case Algorithm::kPs384:
    case Algorithm::kEs384: return EVP_sha384();
    case Algorithm::kHs512:
    case Algorithm::kRs512:
    case Algorithm::kPs512:
    case Algorithm::kEs512: return EVP_sha512();
    case Algorithm::kEdDsa: return nullptr;
  }
  return nullptr;
}

bool IsPss(Algorithm algorithm) {
  return algorithm == Algorithm::kPs256 || algorithm == Algorithm::kPs384 ||
         algorithm == Algorithm::kPs512;
}

bool VerifyMac(Algorithm algorithm, const Key& key, absl::string_view input,
               absl::string_view mac) {
  unsigned char computed[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const absl::string_view secret = key.secret();
  if (secret.size() < kLeastSecretBytes ||
      HMAC(HashOf(algorithm), secret.data(), static_cast<int>(secret.size()), Raw(input),
           input.size(), computed, &size) == nullptr) {
    return false;
  }
  return base::ConstantTimeEquals({reinterpret_cast<const char*>(computed), size}, mac);
}

// The padding is the algorithm's: a PSS signature never passes as PKCS #1's, nor the other way.
bool SetRsaPadding(Algorithm algorithm, EVP_PKEY_CTX* context) {
  if (!IsPss(algorithm)) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_mgf1_md(context, HashOf(algorithm)) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1;
}

bool VerifyWithPublicKey(Algorithm algorithm, const Key& key, absl::string_view input,
                         absl::string_view signature) {
  const crypto::UniqueMdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;  // owned by `context`
  if (context == nullptr || EVP_DigestVerifyInit(context.get(), &key_context, HashOf(algorithm),
                                                 nullptr, key.public_key()) != 1) {
    return false;
  }
  if (key.type() == KeyType::kRsa && !SetRsaPadding(algorithm, key_context)) return false;
  return EVP_DigestVerify(context.get(), Raw(signature), signature.size(), Raw(input),
                          input.size()) == 1;
}

// r and s, each as long as the curve's order, as OpenSSL's DER; empty when one of them is zero.
std::string EcdsaDer(absl::string_view signature) {
  const size_t half = signature.size() / 2;
  const int size = static_cast<int>(half);
  crypto::UniqueBignum r(BN_bin2bn(Raw(signature), size, nullptr));
  crypto::UniqueBignum s(BN_bin2bn(Raw(signature.substr(half)), size, nullptr));
  if (r == nullptr || s == nullptr || BN_is_zero(r.get()) || BN_is_zero(s.get())) return "";
  const UniqueEcdsaSig pair(ECDSA_SIG_new());
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return "";
  static_cast<void>(r.release());  // they are the pair's
  static_cast<void>(s.release());
  unsigned char* der = nullptr;
  const int der_size = i2d_ECDSA_SIG(pair.get(), &der);
  const crypto::UniqueOpensslBytes owner(der);
  if (der_size <= 0) return "";
  return std::string(reinterpret_cast<const char*>(der), static_cast<size_t>(der_size));
}

size_t SignatureBytes(const Key& key) {
  switch (key.type()) {
    case KeyType::kSecret: return 0;
    case KeyType::kRsa: return static_cast<size_t>(EVP_PKEY_get_size(key.public_key()));
    case KeyType::kP256:
    case KeyType::kEd25519: return 64;
    case KeyType::kP384: return 96;
    case KeyType::kP521: return 132;
  }
  return 0;
}

bool IsEc(KeyType type) {
  return type == KeyType::kP256 || type == KeyType::kP384 || type == KeyType::kP521;
}

}  // namespace

bool VerifySignature(Algorithm algorithm, const Key& key, absl::string_view signing_input,
                     absl::string_view signature) {
  const crypto::ErrorScope errors;
  if (!key.Fits(algorithm)) return false;
  if (key.type() == KeyType::kSecret) return VerifyMac(algorithm, key, signing_input, signature);
  if (signature.size() != SignatureBytes(key)) return false;
  if (!IsEc(key.type())) return VerifyWithPublicKey(algorithm, key, signing_input, signature);
  const std::string der = EcdsaDer(signature);
  return !der.empty() && VerifyWithPublicKey(algorithm, key, signing_input, der);
}

}  // namespace sallyport::jwt
