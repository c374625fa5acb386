#include "shared/header/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace sallyport::header {
namespace {

char Canonical(char c) {
  return c == '_' ? '-' : absl::ascii_tolower(static_cast<unsigned char>(c));
}

// In canonical form. Whole names, and beginnings of families that proxies and servers use for
// client certificates (nginx, HAProxy, Apache, Azure, AWS, Cloudflare, Traefik, WSO2).
constexpr absl::string_view kNames[] = {
    "client-cert",
    "client-cert-chain",
    "x-forwarded-client-cert",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-wso2-client-certificate",
    "x-arr-clientcert",
    "x-client-verify",
    "x-client-dn",
    "x-client-subject",
    "x-client-issuer",
    "x-client-san",
    "ssl-cert",
    "x-peer-cert",
    "x-peer-certificate",
};
constexpr absl::string_view kFamilies[] = {
    "ssl-client-", "x-ssl-client-", "x-ssl-cert",      "x-client-cert", "x-tls-client-",
    "tls-client-", "x-amzn-mtls-",  "cf-client-cert-", "x-sallyport-",
};

constexpr absl::string_view kAddressNames[] = {
    "forwarded", "x-real-ip", "true-client-ip", "x-client-ip", "x-original-url", "x-rewrite-url",
};

bool IsTokenChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return absl::ascii_isalnum(byte) || (byte != 0 && absl::StrContains("!#$%&'*+-.^_`|~", c));
}

}  // namespace

bool SameName(absl::string_view a, absl::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return Canonical(x) == Canonical(y);
         });
}

std::string CanonicalName(absl::string_view name) {
  std::string out(name);
  std::transform(out.begin(), out.end(), out.begin(), Canonical);
  return out;
}

bool IsIdentityHeader(absl::string_view name, absl::string_view own) {
  if (!own.empty() && SameName(name, own)) return true;
  const std::string canonical = CanonicalName(name);
  for (absl::string_view known : kNames) {
    if (canonical == known) return true;
  }
  for (absl::string_view family : kFamilies) {
    if (absl::StartsWith(canonical, family)) return true;
  }
  return false;
}

bool IsAddressHeader(absl::string_view name) {
  const std::string canonical = CanonicalName(name);
  return absl::StartsWith(canonical, "x-forwarded-") ||
         std::find(std::begin(kAddressNames), std::end(kAddressNames), canonical) !=
             std::end(kAddressNames);
}

bool IsFieldName(absl::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), IsTokenChar);
}

bool IsFieldValue(absl::string_view value) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  if (!value.empty() && (blank(value.front()) || blank(value.back()))) return false;
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
  });
}

}  // namespace sallyport::header
