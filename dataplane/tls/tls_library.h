// OpenSSL's state of one loop: a library context of its own, so that loops share no locks, with the
// few algorithms that TLS servers need (tls_provider.h). Everything made with it (contexts, keys,
// certificates) must be gone before it. Used by one thread at a time.
#pragma once

#include <openssl/crypto.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/ec_key_cache.h"
#include "dataplane/tls/known_leaves.h"
#include "dataplane/tls/tls_provider.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

class TlsLibrary {
 public:
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TlsLibrary>> Create();
  ~TlsLibrary();
  TlsLibrary(const TlsLibrary&) = delete;
  TlsLibrary& operator=(const TlsLibrary&) = delete;

  [[nodiscard]] OSSL_LIB_CTX* context() const { return context_; }
  // For making and opening session tickets: certificates in them get no public key.
  [[nodiscard]] OSSL_LIB_CTX* tickets() const { return tickets_; }
  // The context has no decoder for private keys. Null: not a key that TLS can use.
  [[nodiscard]] crypto::UniquePkey PrivateKey(absl::string_view pkcs8_der) const;
  [[nodiscard]] const EcKeyCache& ec_keys() const { return *ec_keys_; }
  [[nodiscard]] KnownLeaves& leaves() const { return *leaves_; }

 private:
  TlsLibrary();
  [[nodiscard]] bool Load();
  OSSL_LIB_CTX* const whole_;  // with OpenSSL's default provider; the others borrow from it
  OSSL_LIB_CTX* const context_;
  OSSL_LIB_CTX* const tickets_;
  UniqueProvider whole_provider_;
  std::unique_ptr<EcKeyCache> ec_keys_;
  UniqueProvider provider_;
  UniqueProvider tickets_provider_;
  std::unique_ptr<KnownLeaves> leaves_;
};

}  // namespace sallyport::dataplane
