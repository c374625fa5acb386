// Makes tokens of any kind for tests, wrong ones too. Crashes on misuse, since only tests call it.
#pragma once

#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/pem.h"
#include "shared/crypto/private_key.h"
#include "shared/jwt/algorithm.h"
#include "shared/jwt/base64url.h"
#include "shared/jwt/jwks.h"
#include "shared/jwt/key.h"
#include "tests/fakes/test_ca.h"

namespace sallyport::jwt::signing {

inline void Must(bool ok) {
  if (!ok) std::abort();
}

inline const EVP_MD* Hash(Algorithm algorithm) {
  const absl::string_view name = AlgorithmName(algorithm);
  if (algorithm == Algorithm::kEdDsa) return nullptr;
  if (name.substr(2) == "256") return EVP_sha256();
  return name.substr(2) == "384" ? EVP_sha384() : EVP_sha512();
}

// As OpenSSL makes it: ECDSA in DER.
inline std::string SignRaw(Algorithm algorithm, EVP_PKEY* key, absl::string_view input) {
  const crypto::UniqueMdCtx context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* key_context = nullptr;
  Must(EVP_DigestSignInit(context.get(), &key_context, Hash(algorithm), nullptr, key) == 1);
  if (AlgorithmName(algorithm)[0] == 'P') {
    Must(EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1);
    Must(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  const auto* bytes = reinterpret_cast<const unsigned char*>(input.data());
  size_t size = 0;
  Must(EVP_DigestSign(context.get(), nullptr, &size, bytes, input.size()) == 1);
  std::string out(size, '\0');
  Must(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                      input.size()) == 1);
  out.resize(size);
  return out;
}

inline std::string DerToPair(absl::string_view der, int half) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  Must(pair != nullptr);
  std::string out(static_cast<size_t>(2 * half), '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  Must(BN_bn2binpad(ECDSA_SIG_get0_r(pair), to, half) == half);
  Must(BN_bn2binpad(ECDSA_SIG_get0_s(pair), to + half, half) == half);
  ECDSA_SIG_free(pair);
  return out;
}

inline std::string SignMac(Algorithm algorithm, absl::string_view secret, absl::string_view input) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  Must(HMAC(Hash(algorithm), secret.data(), static_cast<int>(secret.size()),
            reinterpret_cast<const unsigned char*>(input.data()), input.size(), mac,
            &size) != nullptr);
  return std::string(reinterpret_cast<const char*>(mac), size);
}

inline std::string Sign(Algorithm algorithm, EVP_PKEY* key, absl::string_view input) {
  const std::string raw = SignRaw(algorithm, key, input);
  switch (algorithm) {
    case Algorithm::kEs256: return DerToPair(raw, 32);
    case Algorithm::kEs384: return DerToPair(raw, 48);
    case Algorithm::kEs512: return DerToPair(raw, 66);
    default: return raw;
  }
}

inline std::string SigningInput(absl::string_view header, absl::string_view claims) {
  return absl::StrCat(EncodeBase64Url(header), ".", EncodeBase64Url(claims));
}

inline std::string WithSignature(absl::string_view input, absl::string_view signature) {
  return absl::StrCat(input, ".", EncodeBase64Url(signature));
}

inline std::string HeaderOf(Algorithm algorithm, absl::string_view kid = "") {
  if (kid.empty()) return absl::StrCat(R"({"alg":")", AlgorithmName(algorithm), R"("})");
  return absl::StrCat(R"({"alg":")", AlgorithmName(algorithm), R"(","kid":")", kid, R"("})");
}

inline std::string MakeToken(Algorithm algorithm, EVP_PKEY* key, absl::string_view claims,
                             absl::string_view kid = "") {
  const std::string input = SigningInput(HeaderOf(algorithm, kid), claims);
  return WithSignature(input, Sign(algorithm, key, input));
}

inline std::string PublicPem(EVP_PKEY* key) {
  return crypto::PublicKeyPem(crypto::PublicKeyDer(key).value());
}

inline Key PublicKey(EVP_PKEY* key, absl::string_view kid = "") {
  absl::StatusOr<Key> made = ReadPublicKey(PublicPem(key));
  Must(made.ok());
  made->set_id(std::string(kid));
  return *std::move(made);
}

inline Key SecretKey(absl::string_view secret) {
  absl::StatusOr<Key> made = MakeSecretKey(base::Secret::CopyOf(secret));
  Must(made.ok());
  return *std::move(made);
}

// A key of an algorithm's type. RSA's are fixed, the others new each time.
inline sallyport::testing::SharedKey NewKey(Algorithm algorithm) {
  using sallyport::testing::KeyType;
  switch (algorithm) {
    case Algorithm::kEs256: return sallyport::testing::MakeKey(KeyType::kP256);
    case Algorithm::kEs384: return sallyport::testing::MakeKey(KeyType::kP384);
    case Algorithm::kEs512: return sallyport::testing::MakeKey(KeyType::kP521);
    case Algorithm::kEdDsa: return sallyport::testing::MakeKey(KeyType::kEd25519);
    default: return sallyport::testing::MakeKey(KeyType::kRsa2048);
  }
}

inline constexpr Algorithm kPublicKeyAlgorithms[] = {
    Algorithm::kRs256, Algorithm::kRs384, Algorithm::kRs512, Algorithm::kPs256, Algorithm::kPs384,
    Algorithm::kPs512, Algorithm::kEs256, Algorithm::kEs384, Algorithm::kEs512, Algorithm::kEdDsa};
inline constexpr Algorithm kSecretAlgorithms[] = {Algorithm::kHs256, Algorithm::kHs384,
                                                  Algorithm::kHs512};

inline AlgorithmSet AllAlgorithms() {
  AlgorithmSet all = PublicKeyAlgorithms();
  for (const Algorithm algorithm : kSecretAlgorithms) all.Add(algorithm);
  return all;
}

}  // namespace sallyport::jwt::signing
