#include "shared/jwt/jwk_material.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"
#include "shared/jwt/base64url.h"

namespace sallyport::jwt {
namespace {

using crypto::FreeWith;
using UniqueParamBuild = std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>>;
using UniqueParams = std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>>;

constexpr size_t kMostNumberBytes = 1025;  // RSA of 8192 bits, with one leading zero

absl::Status BadMaterial(absl::string_view why) { return absl::InvalidArgumentError(why); }

const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// Empty: it is not there, or not base64url.
std::string Decoded(const Json& jwk, absl::string_view name) {
  return DecodeBase64Url(jwk.Text(name)).value_or("");
}

// A private key that is published is everybody's key.
bool HasPrivatePart(const Json& jwk) {
  for (const char* name : {"d", "p", "q", "dp", "dq", "qi", "oth"}) {
    if (jwk.Find(name) != nullptr) return true;
  }
  return false;
}

absl::StatusOr<Key> FromParams(const char* algorithm, OSSL_PARAM_BLD* build) {
  const UniqueParams params(OSSL_PARAM_BLD_to_param(build));
  const crypto::UniquePkeyCtx context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return BadMaterial(absl::StrCat("the members of the ", algorithm, " key are not a key"));
  }
  return MakePublicKey(std::shared_ptr<EVP_PKEY>(crypto::UniquePkey(key)));
}

absl::StatusOr<Key> ReadRsa(const Json& jwk) {
  const std::string n = Decoded(jwk, "n");
  const std::string e = Decoded(jwk, "e");
  if (n.empty() || e.empty() || n.size() > kMostNumberBytes || e.size() > kMostNumberBytes) {
    return BadMaterial("n or e is missing or not base64url");
  }
  const crypto::UniqueBignum modulus(BN_bin2bn(Bytes(n), static_cast<int>(n.size()), nullptr));
  const crypto::UniqueBignum exponent(BN_bin2bn(Bytes(e), static_cast<int>(e.size()), nullptr));
  const UniqueParamBuild build(OSSL_PARAM_BLD_new());
  if (modulus == nullptr || exponent == nullptr || build == nullptr ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return BadMaterial("the RSA key cannot be built");
  }
  return FromParams("RSA", build.get());
}

struct Curve {
  absl::string_view name;
  const char* group;
  size_t bytes;  // of a coordinate
};
constexpr Curve kCurves[] = {
    {"P-256", "prime256v1", 32}, {"P-384", "secp384r1", 48}, {"P-521", "secp521r1", 66}};

const Curve* FindCurve(absl::string_view name) {
  for (const Curve& curve : kCurves) {
    if (curve.name == name) return &curve;
  }
  return nullptr;
}

absl::StatusOr<Key> ReadEc(const Json& jwk) {
  const Curve* curve = FindCurve(jwk.Text("crv"));
  if (curve == nullptr) return BadMaterial("crv is not P-256, P-384 or P-521");
  const std::string x = Decoded(jwk, "x");
  const std::string y = Decoded(jwk, "y");
  if (x.size() != curve->bytes || y.size() != curve->bytes) {
    return BadMaterial("x or y is missing, not base64url or not as long as the curve's");
  }
  const std::string point = absl::StrCat("\x04", x, y);
  const UniqueParamBuild build(OSSL_PARAM_BLD_new());
  if (build == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) !=
          1 ||
      OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(),
                                       point.size()) != 1) {
    return BadMaterial("the EC key cannot be built");
  }
  return FromParams("EC", build.get());
}

absl::StatusOr<Key> ReadOkp(const Json& jwk) {
  if (jwk.Text("crv") != "Ed25519") return BadMaterial("crv is not Ed25519");
  const std::string x = Decoded(jwk, "x");
  if (x.size() != 32) return BadMaterial("x is missing, not base64url or not of 32 bytes");
  crypto::UniquePkey key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(x), x.size()));
  return MakePublicKey(std::shared_ptr<EVP_PKEY>(std::move(key)));
}

absl::StatusOr<Key> ReadSecret(const Json& jwk, bool allowed) {
  if (!allowed) return BadMaterial("a secret (kty oct) is not taken from this set");
  std::optional<std::string> bytes = DecodeBase64Url(jwk.Text("k"));
  if (!bytes.has_value()) return BadMaterial("k is not base64url");
  return MakeSecretKey(base::Secret(*std::move(bytes)));
}

}  // namespace

absl::StatusOr<Key> ReadJwkMaterial(const Json& jwk, bool allow_secrets) {
  const crypto::ErrorScope errors;
  const absl::string_view type = jwk.Text("kty");
  if (type == "oct") return ReadSecret(jwk, allow_secrets);
  if (HasPrivatePart(jwk)) return BadMaterial("the private part of the key is in the set");
  if (jwk.Find("k") != nullptr) return BadMaterial("k does not belong into a public key");
  if (type == "RSA") return ReadRsa(jwk);
  if (type == "EC") return ReadEc(jwk);
  if (type == "OKP") return ReadOkp(jwk);
  return BadMaterial("kty is not RSA, EC or OKP");
}

}  // namespace sallyport::jwt
