// Which public keys are relied on: reference x509.md, step 1, "key".
#include <openssl/core_names.h>

#include "absl/strings/str_cat.h"
#include "shared/crypto/certificate_facts.h"
#include "shared/crypto/private_key.h"

namespace sallyport::crypto {
namespace internal {
namespace {

constexpr int kMinRsaBits = 2048;
constexpr int kMaxRsaBits = 8192;
constexpr int kMaxExponentBits = 33;

Defect WeakKey(std::string detail) {
  return {base::Reason::kCertWeakKey, X509_V_ERR_EE_KEY_TOO_SMALL, std::move(detail)};
}

std::optional<Defect> CheckRsa(const EVP_PKEY* key, int bits) {
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return WeakKey(absl::StrCat("RSA key of ", bits, " bits, not 2048 to 8192"));
  }
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &raw) != 1) {
    return WeakKey("RSA key without exponent");
  }
  const UniqueBignum exponent(raw);
  if (BN_is_odd(raw) == 0 || BN_is_one(raw) == 1 || BN_num_bits(raw) > kMaxExponentBits) {
    return WeakKey("RSA key with an unusual exponent");
  }
  return std::nullopt;
}

// The curve as the SPKI names it. OpenSSL takes explicit parameters for the curve that they
// resemble.
int NamedCurve(const X509_ALGOR* algorithm) {
  int type = V_ASN1_UNDEF;
  const void* value = nullptr;
  X509_ALGOR_get0(nullptr, &type, &value, algorithm);
  return type == V_ASN1_OBJECT ? OBJ_obj2nid(static_cast<const ASN1_OBJECT*>(value)) : NID_undef;
}

absl::string_view CurveText(int nid) {
  switch (nid) {
    case NID_X9_62_prime256v1: return "P-256";
    case NID_secp384r1: return "P-384";
    case NID_secp521r1: return "P-521";
    default: return "";
  }
}

void ReadEc(const X509_ALGOR* algorithm, const unsigned char* point, int point_size,
            KeyFacts* facts) {
  const int nid = NamedCurve(algorithm);
  facts->kind = KeyKind::kEc;
  if (nid == NID_undef) {
    facts->algorithm = "EC";
    facts->defect = WeakKey("EC key without a named curve");
    return;
  }
  facts->curve = OBJ_nid2sn(nid);
  facts->algorithm = std::string(CurveText(nid));
  if (facts->algorithm.empty()) {
    facts->algorithm = facts->curve;
    facts->defect = WeakKey(absl::StrCat("EC key on ", facts->curve, ", not a NIST curve"));
  } else if (point_size < 1 || point[0] < 2 || point[0] > 4) {
    facts->defect = WeakKey("EC key with a point in hybrid form");
  }
}

void ReadRsa(const EVP_PKEY* key, bool pss, KeyFacts* facts) {
  facts->kind = pss ? KeyKind::kRsaPss : KeyKind::kRsa;
  facts->algorithm = absl::StrCat(pss ? "RSA-PSS-" : "RSA-", facts->bits);
  facts->defect = CheckRsa(key, facts->bits);
}

}  // namespace

KeyFacts ReadKey(const X509_PUBKEY* public_key) {
  KeyFacts facts;
  ASN1_OBJECT* oid = nullptr;
  const unsigned char* bits = nullptr;
  int size = 0;
  X509_ALGOR* algorithm = nullptr;
  if (X509_PUBKEY_get0_param(&oid, &bits, &size, &algorithm, public_key) != 1) {
    facts.defect = WeakKey("no public key");
    return facts;
  }
  const int nid = OBJ_obj2nid(oid);
  facts.algorithm = OBJ_nid2sn(nid);
  EVP_PKEY* key = X509_PUBKEY_get0(public_key);
  if (key == nullptr) {
    facts.defect = WeakKey("public key cannot be decoded");
    return facts;
  }
  facts.bits = EVP_PKEY_get_bits(key);
  if (nid == NID_rsaEncryption || nid == NID_rsassaPss) {
    ReadRsa(key, nid == NID_rsassaPss, &facts);
  } else if (nid == NID_X9_62_id_ecPublicKey) {
    ReadEc(algorithm, bits, size, &facts);
  } else if (nid == NID_ED25519 || nid == NID_ED448) {
    facts.kind = nid == NID_ED25519 ? KeyKind::kEd25519 : KeyKind::kEd448;
    facts.algorithm = nid == NID_ED25519 ? "Ed25519" : "Ed448";
  } else {
    facts.defect = WeakKey(absl::StrCat("public key algorithm ", facts.algorithm));
  }
  return facts;
}

}  // namespace internal

std::optional<Defect> CheckPublicKey(absl::string_view spki_der) {
  const ErrorScope errors;
  const auto* at = reinterpret_cast<const unsigned char*>(spki_der.data());
  const auto* end = at + spki_der.size();
  const std::unique_ptr<X509_PUBKEY, FreeWith<X509_PUBKEY_free>> key(
      d2i_X509_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())));
  if (key == nullptr || at != end) {
    return Defect{base::Reason::kCertMalformed, 0, "public key is not valid DER"};
  }
  return internal::ReadKey(key.get()).defect;
}

}  // namespace sallyport::crypto
