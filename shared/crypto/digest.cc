#include "shared/crypto/digest.h"

#include <cstdlib>

#include "shared/crypto/openssl.h"

namespace sallyport::crypto {
namespace {

const EVP_MD* FetchedSha256() {
  static const EVP_MD* const algorithm = [] {
    // A thread may have another default context when it comes here first.
    const EVP_MD* fetched = EVP_MD_fetch(OSSL_LIB_CTX_get0_global_default(), "SHA256", nullptr);
    if (fetched == nullptr) std::abort();
    return fetched;
  }();
  return algorithm;
}

EVP_MD_CTX* ThreadContext() {
  thread_local const UniqueMdCtx context(EVP_MD_CTX_new());
  if (context == nullptr) std::abort();
  return context.get();
}

void HashInto(absl::string_view bytes, uint8_t* out) {
  EVP_MD_CTX* context = ThreadContext();
  if (EVP_DigestInit_ex2(context, FetchedSha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context, out, nullptr) != 1) {
    std::abort();
  }
}

}  // namespace

Sha256Digest Sha256Array(absl::string_view bytes) {
  Sha256Digest digest;
  HashInto(bytes, digest.data());
  return digest;
}

std::string Sha256(absl::string_view bytes) {
  std::string digest(32, '\0');
  HashInto(bytes, reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

}  // namespace sallyport::crypto
