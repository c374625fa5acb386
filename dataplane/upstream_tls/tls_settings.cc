#include "dataplane/upstream_tls/tls_settings.h"

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "shared/crypto/openssl.h"

namespace sallyport::dataplane {
namespace {

absl::Status ParseVersion(absl::string_view text, int fallback, int* version) {
  if (text.empty()) {
    *version = fallback;
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

struct Suite {
  std::string name;  // OpenSSL's
  bool tls13 = false;
};

// Every suite with authentication and encryption, by both of its names in upper case.
absl::flat_hash_map<std::string, Suite> AllSuites() {
  absl::flat_hash_map<std::string, Suite> suites;
  const crypto::ErrorScope errors;
  const crypto::UniqueSslCtx ctx(SSL_CTX_new(TLS_client_method()));
  if (ctx == nullptr || SSL_CTX_set_cipher_list(ctx.get(), "ALL:!aNULL:!eNULL") != 1) return suites;
  const STACK_OF(SSL_CIPHER)* const all = SSL_CTX_get_ciphers(ctx.get());
  for (int i = 0; i < sk_SSL_CIPHER_num(all); ++i) {
    const SSL_CIPHER* const cipher = sk_SSL_CIPHER_value(all, i);
    const Suite suite{SSL_CIPHER_get_name(cipher),
                      absl::string_view(SSL_CIPHER_get_version(cipher)) == "TLSv1.3"};
    suites.emplace(absl::AsciiStrToUpper(suite.name), suite);
    if (const char* const iana = SSL_CIPHER_standard_name(cipher)) suites.emplace(iana, suite);
  }
  return suites;
}

const Suite* FindSuite(absl::string_view name) {
  static const auto* const suites = new absl::flat_hash_map<std::string, Suite>(AllSuites());
  const std::string upper = absl::AsciiStrToUpper(absl::StripAsciiWhitespace(name));
  auto found = suites->find(upper);
  // Names from before RFC 7905 was final.
  if (found == suites->end()) found = suites->find(absl::StrCat(upper, "_SHA256"));
  return found == suites->end() ? nullptr : &found->second;
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
  return absl::OkStatus();
}

absl::Status SetCiphers(const std::vector<std::string>& names, SSL_CTX* ctx) {
  if (names.empty()) return absl::OkStatus();
  std::vector<std::string> old_suites;
  std::vector<std::string> new_suites;
  for (const std::string& name : names) {
    const Suite* const suite = FindSuite(name);
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
