// OpenSSL's default provider reduced to what our TLS servers need. OpenSSL 3.0 looks for the
// decoder of a public key among all decoders and key managers of a library context, anew for each
// certificate: with few of them a handshake costs a fifth less.
#pragma once

#include <openssl/crypto.h>
#include <openssl/provider.h>

#include <memory>

namespace sallyport::dataplane {

enum class TlsProvider {
  kWhole,
  // Certificates that are read with it have no public key.
  kWithoutPublicKeys,
};

struct UnloadProvider {
  void operator()(OSSL_PROVIDER* provider) const { OSSL_PROVIDER_unload(provider); }
};
using UniqueProvider = std::unique_ptr<OSSL_PROVIDER, UnloadProvider>;

// Loads it into `into`, over `whole`: the default provider of another context, which must outlive
// it. Null: OpenSSL's error queue says why. Thread-safe for distinct contexts.
[[nodiscard]] UniqueProvider LoadTlsProvider(TlsProvider kind, const OSSL_PROVIDER* whole,
                                             OSSL_LIB_CTX* into);

}  // namespace sallyport::dataplane
