// OpenSSL's key manager of X25519 with one step of its own: how a key pair is generated. The key is
// OpenSSL's in all else, and so are key exchange, which refuses what makes an all-zero secret (RFC
// 7748 6.1), and the cleansing of the key.
#pragma once

#include <openssl/core.h>
#include <openssl/core_dispatch.h>

namespace sallyport::dataplane {

// `openssl`: the functions of the default provider's key manager, which live as long as the
// program. Where they or libsodium are not as expected, they themselves. For one caller.
const OSSL_DISPATCH* X25519KeyFunctions(const OSSL_DISPATCH* openssl);

}  // namespace sallyport::dataplane
