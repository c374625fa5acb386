// Certificates and their bytes. Private to this folder.
#pragma once

#include <openssl/x509.h>

#include <string>

#include "absl/strings/string_view.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

// Empty when it cannot be encoded.
[[nodiscard]] std::string DerOf(X509* certificate);
// With the algorithms of that context. Null: malformed, or not all of it.
[[nodiscard]] crypto::UniqueX509 CertificateOf(OSSL_LIB_CTX* context, absl::string_view der);

}  // namespace sallyport::dataplane
