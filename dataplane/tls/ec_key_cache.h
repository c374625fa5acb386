// The EC public keys of certificates that one loop has read, by the complete bytes of their
// SubjectPublicKeyInfo: OpenSSL builds the curve's group anew for each, a tenth of a handshake with
// a known client. A key here says nothing about who has its private half.
#pragma once

#include <openssl/core_dispatch.h>
#include <openssl/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "shared/cache/store.h"

namespace sallyport::dataplane {

// Not thread-safe: of one TlsLibrary.
class EcKeyCache {
 public:
  // For decoders whose provider context is `provider`, from when it is made until it goes.
  explicit EcKeyCache(void* provider);
  ~EcKeyCache();
  EcKeyCache(const EcKeyCache&) = delete;
  EcKeyCache& operator=(const EcKeyCache&) = delete;

  // Null: none of these bytes. The reference is the caller's.
  [[nodiscard]] EC_KEY* Find(absl::string_view spki);
  // Takes a reference of its own.
  void Put(absl::string_view spki, EC_KEY* key);
  [[nodiscard]] size_t size() const { return keys_.size(); }

 private:
  struct Known;
  void* const provider_;
  cache::LruStore<Known> keys_;
};

// A decoder that asks the cache first, in place of `openssls`: the decoder of the default provider
// for EC keys in a SubjectPublicKeyInfo. Null: this OpenSSL has other functions than are known.
const OSSL_DISPATCH* CachingEcDecoder(const OSSL_DISPATCH* openssls);
// What OpenSSL offers to providers; before the first use of the decoder.
void TakeCoreFunctions(const OSSL_DISPATCH* core);

}  // namespace sallyport::dataplane
