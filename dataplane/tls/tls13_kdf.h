// The key schedule of TLS 1.3 (RFC 8446 7.1; HKDF of RFC 5869) as an implementation of OpenSSL's
// TLS13-KDF, of exactly what libssl asks of it. OpenSSL's own fetches a MAC and a digest by name
// for each of the 19 secrets of a handshake. Thread-safe for distinct contexts; secrets are
// cleansed.
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

namespace sallyport::dataplane {

// SHA-256 and SHA-384; anything else, and what is longer than TLS can make it, is refused.
const OSSL_DISPATCH* Tls13KdfFunctions();

}  // namespace sallyport::dataplane
