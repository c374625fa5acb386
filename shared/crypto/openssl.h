// Ownership of OpenSSL objects, and its error queue. Aliases only: no other rule lives here.
// An OpenSSL object is not thread-safe unless its user says so; the error queue is per thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace sallyport::crypto {

template <auto kFree>
struct FreeWith {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
struct FreeX509Stack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_pop_free(stack, X509_free); }
};
struct FreeOpensslBytes {
  void operator()(unsigned char* bytes) const { OPENSSL_free(bytes); }
};

using UniqueX509 = std::unique_ptr<X509, FreeWith<X509_free>>;
using UniqueX509Name = std::unique_ptr<X509_NAME, FreeWith<X509_NAME_free>>;
using UniqueX509Stack = std::unique_ptr<STACK_OF(X509), FreeX509Stack>;
using UniqueX509Store = std::unique_ptr<X509_STORE, FreeWith<X509_STORE_free>>;
using UniqueX509StoreCtx = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
using UniquePkey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using UniquePkeyCtx = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;
using UniqueMdCtx = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using UniqueCipherCtx = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using UniqueBio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using UniqueBignum = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using UniqueSslCtx = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using UniqueSsl = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using UniqueSslSession = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;
using UniqueOpensslBytes = std::unique_ptr<unsigned char, FreeOpensslBytes>;

// Another owner of the same object (reference count up).
[[nodiscard]] UniqueX509 ShareX509(X509* certificate);
[[nodiscard]] UniquePkey SharePkey(EVP_PKEY* key);

// This thread's error queue as one line of text ("" when empty); empties the queue. For operators,
// never for a caller.
std::string TakeErrors();

// Empties this thread's error queue when it goes: for code that calls OpenSSL and does not look.
class ErrorScope {
 public:
  ErrorScope() = default;
  ~ErrorScope();
  ErrorScope(const ErrorScope&) = delete;
  ErrorScope& operator=(const ErrorScope&) = delete;
};

}  // namespace sallyport::crypto
