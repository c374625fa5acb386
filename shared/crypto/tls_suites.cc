#include "shared/crypto/tls_suites.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "shared/crypto/openssl.h"

namespace sallyport::crypto {
namespace {

// By both names in upper case.
absl::flat_hash_map<std::string, TlsSuite> AllTlsSuites() {
  absl::flat_hash_map<std::string, TlsSuite> suites;
  const ErrorScope errors;
  const UniqueSslCtx ctx(SSL_CTX_new(TLS_client_method()));
  if (ctx == nullptr || SSL_CTX_set_cipher_list(ctx.get(), "ALL:!aNULL:!eNULL") != 1) return suites;
  const STACK_OF(SSL_CIPHER)* const all = SSL_CTX_get_ciphers(ctx.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(all, i);
    const TlsSuite suite{SSL_CIPHER_get_name(cipher),
                         absl::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3"};
    suites.emplace(absl::AsciiStrToUpper(suite.name), suite);
    if (const char* const iana = SSL_CIPHER_standard_name(cipher)) suites.emplace(iana, suite);
  }
  return suites;
}

}  // namespace

const TlsSuite* FindTlsSuite(absl::string_view name) {
  static const auto* const suites = new absl::flat_hash_map<std::string, TlsSuite>(AllTlsSuites());
  const std::string upper = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(name));
  auto found = suites->find(upper);
  if (found == suites->end()) found = suites->find(absl::StrCat(upper, "_SHA256"));
  return found == suites->end() ? nullptr : &found->second;
}

}  // namespace sallyport::crypto
