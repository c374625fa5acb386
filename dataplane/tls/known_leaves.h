// Client certificates that one loop has read, by all of their bytes: connections of one client
// share what was made of its leaf, OpenSSL's object included, which takes 3 KiB for each of them
// otherwise. A certificate here says nothing about who has its private key: each handshake proves
// that by the key in these very bytes.
#pragma once

#include <openssl/x509.h>

#include <cstddef>
#include <memory>

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
  KnownLeaves();

  // Puts the certificate that is known in the place of the first of `presented`, of which there is
  // one at least. Null: that cannot be encoded, and everything is as it was.
  [[nodiscard]] KnownLeafPtr Share(STACK_OF(X509) * presented);
  [[nodiscard]] size_t size() const { return leaves_.size(); }

 private:
  cache::LruStore<KnownLeaf> leaves_;
};

}  // namespace sallyport::dataplane
