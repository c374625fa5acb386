#include "shared/crypto/openssl.h"

#include <openssl/err.h>

namespace sallyport::crypto {

UniqueX509 ShareX509(X509* certificate) {
  if (certificate != nullptr) X509_up_ref(certificate);
  return UniqueX509(certificate);
}

UniquePkey SharePkey(EVP_PKEY* key) {
  if (key != nullptr) EVP_PKEY_up_ref(key);
  return UniquePkey(key);
}

std::string TakeErrors() {
  std::string text;
  unsigned long code = 0;
  const char* data = nullptr;
  int flags = 0;
  while ((code = ERR_get_error_all(nullptr, nullptr, nullptr, &data, &flags)) != 0) {
    if (!text.empty()) text += "; ";
    const char* reason = ERR_reason_error_string(code);
    text += reason != nullptr ? reason : "error " + std::to_string(code);
    if ((flags & ERR_TXT_STRING) != 0 && data != nullptr && *data != '\0') {
      text += " (";
      text += data;
      text += ")";
    }
  }
  return text;
}

ErrorScope::~ErrorScope() { ERR_clear_error(); }

}  // namespace sallyport::crypto
