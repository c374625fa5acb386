// Certificates made at test time for tests of upstream TLS: roots, intermediates, leaves with
// names, dates and keys as asked. Crashes (EXPECT-free) on misuse; single-threaded.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane::testing {

struct Pair {
  crypto::UniqueX509 certificate;
  crypto::UniquePkey key;

  [[nodiscard]] std::string Der() const {
    unsigned char* bytes = nullptr;
    const int size = i2d_X509(certificate.get(), &bytes);
    const crypto::UniqueOpensslBytes owner(bytes);
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
  }
  [[nodiscard]] std::string Pem() const {
    const crypto::UniqueBio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), certificate.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return {text, static_cast<size_t>(size)};
  }
  [[nodiscard]] std::string KeyDer() const {  // PKCS#8
    PKCS8_PRIV_KEY_INFO* const info = EVP_PKEY2PKCS8(key.get());
    unsigned char* bytes = nullptr;
    const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &bytes);
    PKCS8_PRIV_KEY_INFO_free(info);
    const crypto::UniqueOpensslBytes owner(bytes);
    return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
  }
};

struct Wish {
  std::string common_name = "test";
  std::string names;  // "DNS:a.example,IP:127.0.0.1"
  std::string usage;  // "serverAuth"; empty: no extension
  bool ca = false;
  bool basic_constraints = true;
  absl::Time not_before = absl::Now() - absl::Hours(1);  // NOLINT: made at test time
  absl::Time not_after = absl::Now() + absl::Hours(24);
  std::string constraints;  // "permitted;DNS:example"
  EVP_PKEY* key = nullptr;  // borrow this key instead of a new one
  int rsa_bits = 0;         // 0: P-256
};

inline crypto::UniquePkey NewKey(int rsa_bits) {
  return crypto::UniquePkey(
      rsa_bits > 0 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", static_cast<size_t>(rsa_bits))
                   : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
}

inline void Extend(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) std::abort();
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

inline Pair Issue(const Pair* issuer, const Wish& wish) {
  static long serial = 1000;
  Pair made;
  made.key = wish.key != nullptr ? crypto::SharePkey(wish.key) : NewKey(wish.rsa_bits);
  made.certificate.reset(X509_new());
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1,
                             -1, 0);
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(wish.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(wish.not_after));
  X509_set_pubkey(certificate, made.key.get());
  X509* const signer = issuer != nullptr ? issuer->certificate.get() : certificate;
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  if (wish.basic_constraints) {
    Extend(certificate, signer, NID_basic_constraints, wish.ca ? "critical,CA:TRUE" : "CA:FALSE");
  }
  if (wish.ca) Extend(certificate, signer, NID_key_usage, "critical,keyCertSign,cRLSign");
  Extend(certificate, signer, NID_subject_key_identifier, "hash");
  if (!wish.usage.empty()) Extend(certificate, signer, NID_ext_key_usage, wish.usage);
  if (!wish.names.empty()) Extend(certificate, signer, NID_subject_alt_name, wish.names);
  if (!wish.constraints.empty())
    Extend(certificate, signer, NID_name_constraints, wish.constraints);
  X509_sign(certificate, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
  X509_get_extension_flags(certificate);
  return made;
}

inline Pair Root(const std::string& name) {
  return Issue(nullptr, {.common_name = name, .ca = true});
}
inline Pair Intermediate(const Pair& issuer, const std::string& name) {
  return Issue(&issuer, {.common_name = name, .ca = true});
}
inline Pair Server(const Pair& issuer, const std::string& names) {
  return Issue(&issuer, {.common_name = "server", .names = names, .usage = "serverAuth"});
}
inline Pair SelfSigned(const std::string& names) {
  return Issue(nullptr, {.common_name = "self", .names = names});
}

inline crypto::UniqueX509Stack Stack(const std::vector<const Pair*>& pairs) {
  crypto::UniqueX509Stack stack(sk_X509_new_null());
  for (const Pair* pair : pairs) {
    sk_X509_push(stack.get(), crypto::ShareX509(pair->certificate.get()).release());
  }
  return stack;
}

}  // namespace sallyport::dataplane::testing
