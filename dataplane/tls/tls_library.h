// OpenSSL's state of one loop: a library context of its own, so that loops share no locks.
// Everything made with it (contexts, keys, certificates) must be gone before it.
#pragma once

#include <openssl/crypto.h>

#include <memory>

#include "absl/status/statusor.h"

namespace sallyport::dataplane {

class TlsLibrary {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TlsLibrary>> Create();
  ~TlsLibrary();
  TlsLibrary(const TlsLibrary&) = delete;
  TlsLibrary& operator=(const TlsLibrary&) = delete;

  [[nodiscard]] OSSL_LIB_CTX* context() const { return context_; }

 private:
  explicit TlsLibrary(OSSL_LIB_CTX* context) : context_(context) {}
  OSSL_LIB_CTX* context_;
};

}  // namespace sallyport::dataplane
