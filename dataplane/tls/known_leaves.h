// Client certificates that one loop has read, by all of their bytes: connections of one client
// share what was made of its leaf, OpenSSL's object included, which takes 3 KiB for each of them
// otherwise. A certificate here says nothing about who has its private key: each handshake proves
// that by the key in these very bytes.
#pragma once

#include <openssl/x509.h>

#include <cstddef>
#include <memory>
#include <string>

#include "dataplane/tls/peer.h"
#include "shared/cache/store.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {

struct KnownLeaf {
  crypto::UniqueX509 certificate;
  PeerCertificatePtr alone;  // presented without issuers
};
using KnownLeafPtr = std::shared_ptr<const KnownLeaf>;

// Not thread-safe: of one TlsLibrary, whose keys its certificates have. Bounded by entries and
// bytes; what was presented longest ago goes first, from here, not from connections.
class KnownLeaves {
 public:
  // `context`: where certificates are read, so that they have their public keys.
  explicit KnownLeaves(OSSL_LIB_CTX* context);

  // Puts the certificate that is known by these bytes, or one that is read anew, in the place of
  // the first of `presented`, of which there is one at least, and which may have been read without
  // its public key. Null: it cannot be read, and everything is as it was.
  [[nodiscard]] KnownLeafPtr Share(STACK_OF(X509) * presented);
  // Knows it from now on, unless it is very large; gives what is known by its bytes then. Of a
  // client that was let in: strangers are not to make a loop forget others.
  KnownLeafPtr Keep(const KnownLeafPtr& leaf);
  [[nodiscard]] size_t size() const { return leaves_.size(); }

 private:
  [[nodiscard]] KnownLeafPtr Find(std::string der);
  OSSL_LIB_CTX* const context_;
  cache::LruStore<KnownLeaf> leaves_;
};

}  // namespace sallyport::dataplane
