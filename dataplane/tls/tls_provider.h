// OpenSSL's default provider reduced to what our TLS servers need. OpenSSL 3.0 looks for the
// decoder of a public key among all decoders and key managers of a library context, anew for each
// certificate: with few of them a handshake costs a fifth less.
#pragma once

#include <openssl/crypto.h>

namespace sallyport::dataplane {

enum class TlsProvider {
  kWhole,
  // Certificates that are read with it have no public key: enough for those in session tickets,
  // whose keys were proven before.
  kWithoutPublicKeys,
};

// What its algorithms take for their provider's context. Null: out of memory.
[[nodiscard]] void* ProviderContext(OSSL_LIB_CTX* inner);

// Loads it into `outer`, over the default provider of `inner`, which must outlive `outer`.
// False: OpenSSL's error queue says why. Thread-safe for distinct contexts.
[[nodiscard]] bool LoadTlsProvider(TlsProvider kind, OSSL_LIB_CTX* inner, OSSL_LIB_CTX* outer);

}  // namespace sallyport::dataplane
