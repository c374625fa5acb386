#include "dataplane/tls/tls_library.h"

namespace sallyport::dataplane {

absl::StatusOr<std::unique_ptr<TlsLibrary>> TlsLibrary::Create() {
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  if (context == nullptr) return absl::ResourceExhaustedError("no OpenSSL library context");
  return std::unique_ptr<TlsLibrary>(new TlsLibrary(context));
}

TlsLibrary::~TlsLibrary() { OSSL_LIB_CTX_free(context_); }

}  // namespace sallyport::dataplane
