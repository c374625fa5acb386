#include "dataplane/tls/certificate.h"

namespace sallyport::dataplane {

std::string DerOf(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  const crypto::UniqueOpensslBytes owned(bytes);
  return {reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)};
}

crypto::UniqueX509 CertificateOf(OSSL_LIB_CTX* context, absl::string_view der) {
  X509* certificate = X509_new_ex(context, nullptr);
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = bytes + der.size();
  if (certificate == nullptr ||
      d2i_X509(&certificate, &bytes, static_cast<long>(der.size())) == nullptr) {
    return nullptr;  // d2i frees what it was given
  }
  crypto::UniqueX509 owned(certificate);
  return bytes == end ? std::move(owned) : nullptr;
}

}  // namespace sallyport::dataplane
