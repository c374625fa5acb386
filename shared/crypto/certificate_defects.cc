// What makes a certificate unusable in any path: reference x509.md, step 1.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "shared/crypto/certificate_facts.h"

namespace sallyport::crypto::internal {
namespace {

constexpr int kMaxExtensions = 64;

Defect Malformed(std::string detail) {
  return {base::Reason::kCertMalformed, X509_V_ERR_INVALID_EXTENSION, std::move(detail)};
}

bool HasDoubledExtension(const X509* x509) {
  const int count = X509_get_ext_count(x509);
  for (int i = 0; i < count; ++i) {
    const ASN1_OBJECT* oid = X509_EXTENSION_get_object(X509_get_ext(x509, i));
    if (X509_get_ext_by_OBJ(x509, oid, i) >= 0) return true;
  }
  return false;
}

// Critical extensions whose meaning is enforced here. OpenSSL's own list has some that only its
// path builder enforces (RFC 3779 address blocks) or nobody does.
bool IsEnforced(int nid) {
  static constexpr int kEnforced[] = {NID_basic_constraints,       NID_key_usage,
                                      NID_ext_key_usage,           NID_subject_alt_name,
                                      NID_name_constraints,        NID_certificate_policies,
                                      NID_policy_constraints,      NID_policy_mappings,
                                      NID_inhibit_any_policy,      NID_subject_key_identifier,
                                      NID_authority_key_identifier};
  return std::find(std::begin(kEnforced), std::end(kEnforced), nid) != std::end(kEnforced);
}

std::optional<Defect> UnknownCritical(const X509* x509) {
  for (int i = 0; i < X509_get_ext_count(x509); ++i) {
    X509_EXTENSION* extension = X509_get_ext(x509, i);
    if (X509_EXTENSION_get_critical(extension) == 0) continue;
    const ASN1_OBJECT* oid = X509_EXTENSION_get_object(extension);
    if (IsEnforced(OBJ_obj2nid(oid))) continue;
    char text[128] = {};
    OBJ_obj2txt(text, sizeof text, oid, 1);
    return Defect{base::Reason::kCertCriticalExtension, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
                  absl::StrCat("critical extension ", text, " is not supported")};
  }
  return std::nullopt;
}

std::optional<Defect> CheckEncoding(const X509* x509, bool times_are_der) {
  const int extensions = X509_get_ext_count(x509);
  if (extensions > kMaxExtensions) return Malformed("more than 64 extensions");
  if (extensions > 0 && X509_get_version(x509) != X509_VERSION_3) {
    return Malformed("extensions on a certificate that is not version 3");
  }
  if (HasDoubledExtension(x509)) return Malformed("an extension is there twice");
  const X509_ALGOR* outer = nullptr;
  X509_get0_signature(nullptr, &outer, x509);
  if (X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(x509)) != 0) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_SIGNATURE_ALGORITHM_MISMATCH,
                  "inner and outer signature algorithm differ"};
  }
  if (!times_are_der) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD,
                  "a time is not encoded in DER"};
  }
  return std::nullopt;
}

bool HasSan(const X509* x509) { return X509_get_ext_by_NID(x509, NID_subject_alt_name, -1) >= 0; }

bool HasEmptyUsage(const X509* x509) {
  const int at = X509_get_ext_by_NID(x509, NID_ext_key_usage, -1);
  if (at < 0) return false;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(x509, at));
  return ASN1_STRING_length(value) == 2;  // a SEQUENCE of nothing
}

std::optional<Defect> CheckFields(const Certificate& c) {
  const X509* x509 = c.x509.get();
  if (X509_NAME_entry_count(X509_get_issuer_name(x509)) == 0) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_ISSUER_NAME_EMPTY, "empty issuer"};
  }
  if (HasSan(x509) && c.alternative_names.empty()) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_EMPTY_SUBJECT_ALT_NAME, "empty SAN"};
  }
  if (c.subject_empty && (c.is_ca || !HasSan(x509))) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_SUBJECT_NAME_EMPTY,
                  c.is_ca ? "empty subject on a CA" : "neither subject nor SAN"};
  }
  if (HasEmptyUsage(x509)) {
    return Defect{base::Reason::kCertWrongUsage, X509_V_ERR_INVALID_PURPOSE,
                  "extended key usage is empty"};
  }
  return std::nullopt;
}

std::optional<Defect> CheckFlags(X509* x509) {
  const uint32_t flags = X509_get_extension_flags(x509);
  if ((flags & EXFLAG_INVALID) != 0) return Malformed("an extension is invalid");
  if ((flags & EXFLAG_PROXY) != 0) {
    return Defect{base::Reason::kCertMalformed, X509_V_ERR_PROXY_CERTIFICATES_NOT_ALLOWED,
                  "proxy certificate"};
  }
  if (auto critical = UnknownCritical(x509)) return critical;
  if ((flags & EXFLAG_CRITICAL) != 0) {
    return Defect{base::Reason::kCertCriticalExtension, X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION,
                  "a critical extension is not supported"};
  }
  return std::nullopt;
}

std::optional<Defect> CheckSignatureAlgorithm(X509* x509) {
  int digest = NID_undef;
  int key = NID_undef;
  int bits = 0;
  uint32_t flags = 0;
  const bool known = X509_get_signature_info(x509, &digest, &key, &bits, &flags) == 1;
  const bool sha2 = digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512;
  bool fit = false;
  if (known && (key == NID_ED25519 || key == NID_ED448)) fit = true;
  if (known && sha2 && (key == NID_rsaEncryption || key == NID_X9_62_id_ecPublicKey)) fit = true;
  if (known && sha2 && key == NID_rsassaPss) fit = (flags & X509_SIG_INFO_TLS) != 0;
  if (fit) return std::nullopt;
  const int nid = X509_get_signature_nid(x509);
  return Defect{base::Reason::kCertWeakSignature, X509_V_ERR_CA_MD_TOO_WEAK,
                absl::StrCat("signature algorithm ", OBJ_nid2sn(nid))};
}

}  // namespace

void FindDefects(bool times_are_der, Certificate* c) {
  c->certificate_defect = CheckEncoding(c->x509.get(), times_are_der);
  if (!c->certificate_defect) c->certificate_defect = CheckFlags(c->x509.get());
  if (!c->certificate_defect) c->certificate_defect = CheckFields(*c);
  c->signature_defect = CheckSignatureAlgorithm(c->x509.get());
}

}  // namespace sallyport::crypto::internal
