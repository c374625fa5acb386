#include "dataplane/tls/tls_library.h"

#include <openssl/param_build.h>

#include "absl/strings/str_cat.h"
#include "dataplane/tls/tls_provider.h"

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

TlsLibrary::TlsLibrary()
    : whole_(OSSL_LIB_CTX_new()), context_(OSSL_LIB_CTX_new()), tickets_(OSSL_LIB_CTX_new()) {}

TlsLibrary::~TlsLibrary() {
  OSSL_LIB_CTX_free(tickets_);
  OSSL_LIB_CTX_free(context_);
  ec_keys_.reset();
  OSSL_LIB_CTX_free(whole_);
}

absl::StatusOr<std::unique_ptr<TlsLibrary>> TlsLibrary::Create() {
  const crypto::ErrorScope errors;
  std::unique_ptr<TlsLibrary> library(new TlsLibrary());
  if (library->whole_ == nullptr || library->context_ == nullptr || library->tickets_ == nullptr ||
      !LoadTlsProvider(TlsProvider::kWhole, library->whole_, library->context_) ||
      !LoadTlsProvider(TlsProvider::kWithoutPublicKeys, library->whole_, library->tickets_)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no OpenSSL library context: ", crypto::TakeErrors()));
  }
  library->ec_keys_ = std::make_unique<EcKeyCache>(ProviderContext(library->whole_));
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
      EVP_PKEY_CTX_new_from_name(context_, EVP_PKEY_get0_type_name(read.get()), nullptr));
  EVP_PKEY* key = nullptr;
  if (making == nullptr || EVP_PKEY_fromdata_init(making.get()) != 1 ||
      EVP_PKEY_fromdata(making.get(), &key, EVP_PKEY_KEYPAIR, params) != 1) {
    return nullptr;
  }
  return crypto::UniquePkey(key);
}

}  // namespace sallyport::dataplane
