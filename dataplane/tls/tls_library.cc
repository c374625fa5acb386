#include "dataplane/tls/tls_library.h"

#include <openssl/param_build.h>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {
namespace {

struct FreeSecretParams {
  void operator()(OSSL_PARAM* params) const {
    for (OSSL_PARAM* param = params; param->key != nullptr; ++param) {
      if (param->data != nullptr) OPENSSL_cleanse(param->data, param->data_size);
    }
    OSSL_PARAM_free(params);
  }
};
using UniqueSecretParams = std::unique_ptr<OSSL_PARAM, FreeSecretParams>;

}  // namespace

void TlsLibrary::KnowFewNames() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ADD_ALL_CIPHERS | OPENSSL_INIT_NO_ADD_ALL_DIGESTS, nullptr);
  for (const EVP_MD* digest :
       {EVP_sha1(), EVP_sha224(), EVP_sha256(), EVP_sha384(), EVP_sha512(), EVP_sha512_256(),
        EVP_sha3_224(), EVP_sha3_256(), EVP_sha3_384(), EVP_sha3_512()})
    EVP_add_digest(digest);
}

TlsLibrary::TlsLibrary()
    : whole_(OSSL_LIB_CTX_new()), context_(OSSL_LIB_CTX_new()), keyless_(OSSL_LIB_CTX_new()) {}

TlsLibrary::~TlsLibrary() {
  // Each before what it borrows from.
  leaves_.reset();
  keyless_provider_.reset();
  OSSL_LIB_CTX_free(keyless_);
  provider_.reset();
  OSSL_LIB_CTX_free(context_);
  whole_provider_.reset();
  OSSL_LIB_CTX_free(whole_);
}

bool TlsLibrary::Load() {
  if (whole_ == nullptr || context_ == nullptr || keyless_ == nullptr) return false;
  whole_provider_.reset(OSSL_PROVIDER_load(whole_, "default"));
  if (whole_provider_ == nullptr) return false;
  provider_ = LoadTlsProvider(TlsProvider::kWhole, whole_provider_.get(), context_);
  keyless_provider_ =
      LoadTlsProvider(TlsProvider::kWithoutPublicKeys, whole_provider_.get(), keyless_);
  leaves_ = std::make_unique<KnownLeaves>(context_);
  return provider_ != nullptr && keyless_provider_ != nullptr;
}

absl::StatusOr<std::unique_ptr<TlsLibrary>> TlsLibrary::Create() {
  const crypto::ErrorScope errors;
  std::unique_ptr<TlsLibrary> library(new TlsLibrary());
  if (!library->Load()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no OpenSSL library context: ", crypto::TakeErrors()));
  }
  return library;
}

crypto::UniquePkey TlsLibrary::PrivateKey(absl::string_view pkcs8_der) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(pkcs8_der.data());
  const crypto::UniquePkey read(
      d2i_AutoPrivateKey_ex(nullptr, &bytes, static_cast<long>(pkcs8_der.size()), whole_, nullptr));
  OSSL_PARAM* params = nullptr;
  if (read == nullptr || EVP_PKEY_todata(read.get(), EVP_PKEY_KEYPAIR, &params) != 1)
    return nullptr;
  const UniqueSecretParams secret(params);
  const crypto::UniquePkeyCtx making(
      EVP_PKEY_CTX_new_from_name(keyless_, EVP_PKEY_get0_type_name(read.get()), nullptr));
  EVP_PKEY* key = nullptr;
  if (making == nullptr || EVP_PKEY_fromdata_init(making.get()) != 1 ||
      EVP_PKEY_fromdata(making.get(), &key, EVP_PKEY_KEYPAIR, params) != 1) {
    return nullptr;
  }
  return crypto::UniquePkey(key);
}

}  // namespace sallyport::dataplane
