#include "dataplane/upstream_tls/tls_settings.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shared/crypto/openssl.h"
#include "shared/crypto/tls_suites.h"

namespace sallyport::dataplane {
namespace {

absl::Status ParseVersion(absl::string_view text, int fallback, int* version) {
  if (text.empty()) {
    *version = fallback;
  } else if (text == "1.0") {
    *version = TLS1_VERSION;
  } else if (text == "1.1") {
    *version = TLS1_1_VERSION;
  } else if (text == "1.2") {
    *version = TLS1_2_VERSION;
  } else if (text == "1.3") {
    *version = TLS1_3_VERSION;
  } else {
    return absl::InvalidArgumentError(absl::StrCat(
        "TLS version \"", text, "\" is not supported towards upstreams: use 1.2 or 1.3"));
  }
  return absl::OkStatus();
}

// TLS 1.0 and 1.1 sign with MD5 and SHA-1 together, which OpenSSL takes at this level alone. What
// else comes with it is left out again: other versions sign and agree on keys as always, and
// certificates are checked at a level of their own (server_check.h).
absl::Status AllowOldVersions(SSL_CTX* ctx) {
  constexpr char kOldSuites[] = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:kRSA+AES";
  constexpr char kSignatures[] =
      "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:RSA-PSS+SHA256:RSA-PSS+SHA384:"
      "RSA-PSS+SHA512:RSA+SHA256:RSA+SHA384:RSA+SHA512";
  SSL_CTX_set_security_level(ctx, 0);
  if (SSL_CTX_set_cipher_list(ctx, kOldSuites) != 1 ||
      SSL_CTX_set1_sigalgs_list(ctx, kSignatures) != 1)
    return absl::InternalError(absl::StrCat("TLS 1.0 and 1.1: ", crypto::TakeErrors()));
  return absl::OkStatus();
}

}  // namespace

absl::Status SetVersions(absl::string_view min, absl::string_view max, SSL_CTX* ctx) {
  int least = 0;
  int most = 0;
  if (absl::Status status = ParseVersion(min, TLS1_2_VERSION, &least); !status.ok()) return status;
  if (absl::Status status = ParseVersion(max, 0, &most); !status.ok()) return status;
  if (most != 0 && most < least) {
    return absl::InvalidArgumentError("the highest TLS version is below the lowest");
  }
  if (SSL_CTX_set_min_proto_version(ctx, least) != 1 ||
      SSL_CTX_set_max_proto_version(ctx, most) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("TLS versions: ", crypto::TakeErrors()));
  }
  return least < TLS1_2_VERSION ? AllowOldVersions(ctx) : absl::OkStatus();
}

absl::Status SetCiphers(const std::vector<std::string>& names, SSL_CTX* ctx) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> old_suites;
  std::vector<std::string> new_suites;
  for (const std::string& name : names) {
    const crypto::TlsSuite* const suite = crypto::FindTlsSuite(name);
    if (suite != nullptr) (suite->tls13 ? new_suites : old_suites).push_back(suite->name);
  }
  if (old_suites.empty() && new_suites.empty()) {
    return absl::InvalidArgumentError("none of the configured cipher names is known");
  }
  const std::string old_list = absl::StrJoin(old_suites, ":");
  const std::string new_list = absl::StrJoin(new_suites, ":");
  const bool set = (old_suites.empty() ? SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION)
                                       : SSL_CTX_set_cipher_list(ctx, old_list.c_str())) == 1 &&
                   (new_suites.empty() || SSL_CTX_set_ciphersuites(ctx, new_list.c_str()) == 1);
  if (!set) return absl::InvalidArgumentError(absl::StrCat("ciphers: ", crypto::TakeErrors()));
  return absl::OkStatus();
}

}  // namespace sallyport::dataplane
