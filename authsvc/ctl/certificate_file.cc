#include "authsvc/ctl/certificate_file.h"

#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/ctl/files.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/private_key.h"

namespace sallyport::authsvc::ctl {
namespace {

using UniquePkcs12 = std::unique_ptr<PKCS12, crypto::FreeWith<PKCS12_free>>;

UniquePkcs12 ParsePkcs12(const std::string& content) {
  const crypto::ErrorScope errors;
  const auto* data = reinterpret_cast<const unsigned char*>(content.data());
  UniquePkcs12 file(d2i_PKCS12(nullptr, &data, static_cast<long>(content.size())));
  return file;
}

std::string DerOf(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  const crypto::UniqueOpensslBytes owner(bytes);
  return size <= 0 ? std::string()
                   : std::string(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
}

absl::StatusOr<crypto::PemBundle> OpenPkcs12(PKCS12* file, absl::string_view password) {
  const crypto::ErrorScope errors;
  EVP_PKEY* raw_key = nullptr;
  X509* raw_leaf = nullptr;
  STACK_OF(X509)* raw_others = nullptr;
  const std::string secret(password);
  const int ok = PKCS12_parse(file, secret.c_str(), &raw_key, &raw_leaf, &raw_others);
  const crypto::UniquePkey key(raw_key);
  const crypto::UniqueX509 leaf(raw_leaf);
  const crypto::UniqueX509Stack others(raw_others);
  if (ok != 1)
    return absl::InvalidArgumentError(
        "the PKCS#12 file does not open: is the password right? (--password-file)");
  crypto::PemBundle bundle;
  std::vector<std::string> ders;
  if (leaf != nullptr) ders.push_back(DerOf(leaf.get()));
  for (int i = 0; others != nullptr && i < sk_X509_num(others.get()); ++i) {
    ders.push_back(DerOf(sk_X509_value(others.get(), i)));
  }
  for (const std::string& der : ders) {
    auto certificate = crypto::ParseCertificate(der);
    if (!certificate.ok()) return certificate.status();
    bundle.chain.push_back(*std::move(certificate));
  }
  if (bundle.chain.empty())
    return absl::InvalidArgumentError("the PKCS#12 file has no certificate");
  if (key != nullptr) {
    auto pkcs8 = crypto::ToPkcs8(key.get());
    if (!pkcs8.ok()) return pkcs8.status();
    bundle.private_key = *std::move(pkcs8);
  }
  return bundle;
}

}  // namespace

std::string CertificateFile::PublicPem() const {
  std::string pem;
  for (const auto& certificate : bundle.chain) pem += crypto::CertificatePem(certificate->der);
  if (!bundle.public_key_der.empty()) pem += crypto::PublicKeyPem(bundle.public_key_der);
  return pem;
}

base::Secret CertificateFile::FullPem() const {
  std::string pem = PublicPem();
  if (!has_private_key()) return base::Secret(std::move(pem));
  const auto key = crypto::LoadPrivateKey(bundle.private_key.Reveal());
  const crypto::UniqueBio out(BIO_new(BIO_s_secmem()));
  if (key.ok() && PEM_write_bio_PKCS8PrivateKey(out.get(), key->get(), nullptr, nullptr, 0, nullptr,
                                                nullptr) == 1) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(out.get(), &data);
    pem.append(data, static_cast<size_t>(size));
  }
  return base::Secret(std::move(pem));
}

absl::StatusOr<CertificateFile> ReadCertificateFile(const std::string& path,
                                                    absl::string_view password) {
  auto content = ReadFile(path);
  if (!content.ok()) return content.status();
  return ParseCertificateFile(path, *std::move(content), password);
}

absl::StatusOr<CertificateFile> ParseCertificateFile(const std::string& path, std::string content,
                                                     absl::string_view password) {
  CertificateFile file;
  file.path = path;
  absl::StatusOr<crypto::PemBundle> bundle = absl::InternalError("");
  const UniquePkcs12 pkcs12 =
      absl::StrContains(content, "-----BEGIN ") ? nullptr : ParsePkcs12(content);
  bundle = pkcs12 != nullptr ? OpenPkcs12(pkcs12.get(), password) : crypto::ParsePemOrDer(content);
  base::Cleanse(&content);
  if (!bundle.ok()) {
    return absl::Status(bundle.status().code(),
                        absl::StrCat(path, ": ", std::string(bundle.status().message())));
  }
  file.bundle = *std::move(bundle);
  return file;
}

absl::StatusOr<base::Secret> ReadPassword(const std::string& path) {
  if (path.empty()) return base::Secret();
  auto content = ReadFile(path);
  if (!content.ok()) return content.status();
  while (!content->empty() && (content->back() == '\n' || content->back() == '\r'))
    content->pop_back();
  return base::Secret(*std::move(content));
}

std::string LeftOutLine(const std::string& path) {
  return absl::StrCat("the private key in ", path, " was neither sent nor stored");
}

}  // namespace sallyport::authsvc::ctl
