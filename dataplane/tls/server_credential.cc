#include "dataplane/tls/server_credential.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "dataplane/tls/certificate.h"
#include "shared/base/secret.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

struct ServerCredential::Loaded {
  crypto::UniqueX509 leaf;
  crypto::UniqueX509Stack chain;  // without the leaf
  crypto::UniquePkey key;
};

namespace {

std::vector<std::string> DnsNames(X509* certificate) {
  std::vector<std::string> names;
  auto* const general = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(general); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(general, i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.dNSName;
    names.push_back(absl::AsciiStrToLower(
        absl::string_view(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                          static_cast<size_t>(ASN1_STRING_length(text)))));
  }
  GENERAL_NAMES_free(general);
  return names;
}

absl::Time NotAfter(const X509* certificate) {
  std::tm time = {};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) != 1) return absl::InfinitePast();
  return absl::FromTM(time, absl::UTCTimeZone());
}

absl::StatusOr<std::string> ToDer(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return absl::InvalidArgumentError("certificate cannot be encoded");
  const crypto::UniqueOpensslBytes owned(bytes);
  return std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

absl::StatusOr<std::vector<std::string>> ChainFromPem(absl::string_view pem) {
  const crypto::ErrorScope errors;
  const crypto::UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::vector<std::string> chain;
  for (;;) {
    const crypto::UniqueX509 certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate == nullptr) break;
    absl::StatusOr<std::string> der = ToDer(certificate.get());
    if (!der.ok()) return der.status();
    chain.push_back(*std::move(der));
  }
  if (chain.empty()) return absl::InvalidArgumentError("no certificate in the PEM");
  return chain;
}

// No prompt for a passphrase, ever.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*data*/) { return -1; }

absl::StatusOr<base::Secret> KeyFromPem(absl::string_view pem) {
  const crypto::ErrorScope errors;
  const crypto::UniqueBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const crypto::UniquePkey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr) return absl::InvalidArgumentError("no usable private key in the PEM");
  unsigned char* bytes = nullptr;
  const int size = i2d_PrivateKey(key.get(), &bytes);
  if (size <= 0) return absl::InvalidArgumentError("private key cannot be encoded");
  base::Secret secret =
      base::Secret::CopyOf({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  OPENSSL_clear_free(bytes, static_cast<size_t>(size));
  return secret;
}

bool ReadVersion(absl::string_view text, int* version) {
  if (text == "1.2") *version = TLS1_2_VERSION;
  if (text == "1.3") *version = TLS1_3_VERSION;
  return text.empty() || *version != 0;
}

}  // namespace

ServerCredential::~ServerCredential() = default;

absl::Status ServerCredential::Add(const TlsLibrary& library, const Pair& pair) {
  const crypto::ErrorScope errors;
  auto loaded = std::make_unique<Loaded>();
  if (pair.chain_der.empty()) return absl::InvalidArgumentError("server certificate is empty");
  loaded->leaf = CertificateOf(library.context(), pair.chain_der[0]);
  loaded->chain.reset(sk_X509_new_null());
  loaded->key = library.PrivateKey(pair.key_pkcs8_der);
  if (loaded->leaf == nullptr) return absl::InvalidArgumentError("server certificate is malformed");
  if (loaded->key == nullptr) return absl::InvalidArgumentError("server key is malformed");
  if (X509_check_private_key(loaded->leaf.get(), loaded->key.get()) != 1) {
    return absl::InvalidArgumentError("server key does not belong to its certificate");
  }
  for (size_t i = 1; i < pair.chain_der.size(); ++i) {
    const crypto::UniqueX509 issuer = CertificateOf(library.context(), pair.chain_der[i]);
    if (issuer == nullptr ||
        X509_add_cert(loaded->chain.get(), issuer.get(), X509_ADD_FLAG_UP_REF) != 1) {
      return absl::InvalidArgumentError("server certificate chain is malformed");
    }
  }
  for (std::string& name : DnsNames(loaded->leaf.get())) names_.push_back(std::move(name));
  not_after_ = std::min(not_after_, NotAfter(loaded->leaf.get()));
  loaded_.push_back(std::move(loaded));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ServerCredential>> ServerCredential::Create(
    const TlsLibrary& library, const std::vector<Pair>& pairs, const Versions& versions) {
  if (pairs.empty()) return absl::NotFoundError("no server certificate");
  std::shared_ptr<ServerCredential> credential(new ServerCredential());
  if (!ReadVersion(versions.least, &credential->least_) ||
      !ReadVersion(versions.most, &credential->most_))
    return absl::InvalidArgumentError("a version of TLS that is not known");
  for (const Pair& pair : pairs) {
    const absl::Status added = credential->Add(library, pair);
    if (!added.ok()) return added;
  }
  return credential;
}

absl::StatusOr<std::shared_ptr<const ServerCredential>> ServerCredential::FromPem(
    const TlsLibrary& library, absl::string_view chain_pem, absl::string_view key_pem) {
  absl::StatusOr<std::vector<std::string>> chain = ChainFromPem(chain_pem);
  if (!chain.ok()) return chain.status();
  const absl::StatusOr<base::Secret> key = KeyFromPem(key_pem);
  if (!key.ok()) return key.status();
  std::vector<Pair> pairs(1);
  pairs[0].chain_der = *std::move(chain);
  pairs[0].key_pkcs8_der = key->Reveal();
  return Create(library, pairs);
}

// What the listener takes is narrowed, never widened.
bool ServerCredential::Narrow(SSL* ssl) const {
  const int least = std::max<int>(least_, static_cast<int>(SSL_get_min_proto_version(ssl)));
  const auto most = static_cast<int>(SSL_get_max_proto_version(ssl));
  const bool lower = most_ != 0 && (most == 0 || most_ < most);
  return (least_ == 0 || SSL_set_min_proto_version(ssl, least) == 1) &&
         (!lower || SSL_set_max_proto_version(ssl, most_) == 1);
}

bool ServerCredential::Use(SSL* ssl) const {
  if (!Narrow(ssl)) return false;
  for (const auto& loaded : loaded_) {
    // 1: a pair of the same key type that was set before is replaced.
    if (SSL_use_cert_and_key(ssl, loaded->leaf.get(), loaded->key.get(), loaded->chain.get(), 1) !=
        1) {
      return false;
    }
  }
  return true;
}

}  // namespace sallyport::dataplane
