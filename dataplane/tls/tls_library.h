// OpenSSL's state of one loop: a library context of its own, so that loops share no locks, with the
// few algorithms that TLS servers need (tls_provider.h). Everything made with it (contexts, keys,
// certificates) must be gone before it. Used by one thread at a time.
#pragma once

#include <openssl/crypto.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/tls/known_leaves.h"
#include "dataplane/tls/tls_provider.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

class TlsLibrary {
 public:
  // Once, in main, before anything else initialises OpenSSL: its registry of old gets the digests
  // of certificates' signatures alone. Every context copies that registry, and goes through all of
  // it for each certificate that is read. Nothing that is looked up there by a cipher's name works
  // in this process: private keys under a password in PEM's own format of old, which we refuse.
  static void KnowFewNames();
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<TlsLibrary>> Create();
  ~TlsLibrary();
  TlsLibrary(const TlsLibrary&) = delete;
  TlsLibrary& operator=(const TlsLibrary&) = delete;

  // For keys, and for certificates whose public key is needed.
  [[nodiscard]] OSSL_LIB_CTX* context() const { return context_; }
  // For handshakes and their tickets: certificates get no public key, which costs more than all
  // else about them. The leaf of a full handshake is exchanged for one that has it
  // (known_leaves.h); that of a ticket was proven before.
  [[nodiscard]] OSSL_LIB_CTX* keyless() const { return keyless_; }
  // The context has no decoder for private keys. Null: not a key that TLS can use.
  [[nodiscard]] crypto::UniquePkey PrivateKey(absl::string_view pkcs8_der) const;
  [[nodiscard]] KnownLeaves& leaves() const { return *leaves_; }

 private:
  TlsLibrary();
  [[nodiscard]] bool Load();
  OSSL_LIB_CTX* const whole_;  // with OpenSSL's default provider; the others borrow from it
  OSSL_LIB_CTX* const context_;
  OSSL_LIB_CTX* const keyless_;
  UniqueProvider whole_provider_;
  UniqueProvider provider_;
  UniqueProvider keyless_provider_;
  std::unique_ptr<KnownLeaves> leaves_;
};

}  // namespace sallyport::dataplane
