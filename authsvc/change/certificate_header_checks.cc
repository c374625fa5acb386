#include "authsvc/change/certificate_header_checks.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "shared/header/names.h"
#include "shared/header/proxy_block.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostCertificateHeaders = 8;
constexpr size_t kMostHeaderNameBytes = 256;
constexpr absl::string_view kHeadersSetting = "client_certificate_headers";

// Fields with a purpose of their own that no proxy gives up for this (RFC 9110, Fetch, W3C trace
// context), and families of such.
bool HasAnotherPurpose(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"authorization",
                                                 "cookie",
                                                 "set-cookie",
                                                 "via",
                                                 "origin",
                                                 "referer",
                                                 "range",
                                                 "user-agent",
                                                 "date",
                                                 "from",
                                                 "cache-control",
                                                 "pragma",
                                                 "max-forwards",
                                                 "priority",
                                                 "upgrade-insecure-requests",
                                                 "traceparent",
                                                 "baggage",
                                                 "tracestate",
                                                 "x-request-id",
                                                 "x-tyk-authorization",
                                                 "x-api-key",
                                                 "apikey",
                                                 "x-http-method-override",
                                                 "last-event-id",
                                                 "dnt"};
  static constexpr absl::string_view kFamilies[] = {"content-",        "accept", "if-",   "sec-",
                                                    "access-control-", "grpc-",  "proxy-"};
  const std::string canonical = header::CanonicalName(name);
  return std::find(std::begin(kNames), std::end(kNames), canonical) != std::end(kNames) ||
         std::any_of(std::begin(kFamilies), std::end(kFamilies),
                     [&](absl::string_view family) { return absl::StartsWith(canonical, family); });
}

absl::Status CheckHeadersName(absl::string_view name) {
  const auto refuse = [&](absl::string_view why) {
    return Invalid(kHeadersSetting, ": `", name, "` ", why);
  };
  if (!header::IsFieldName(name) || name.size() > kMostHeaderNameBytes)
    return refuse("is not a valid header name");
  if (absl::StrContains(name, '_'))
    return refuse("has a `_`, which proxies pass on from anybody as if it were `-`: write `-`");
  if (header::SameName(name, "client-cert-chain"))
    return refuse("is read along with client-cert: name that");
  const bool address = header::IsAddressHeader(name) && !header::IsIdentityHeader(name);
  if (IsConnectionsOwn(name) || address || HasAnotherPurpose(name))
    return refuse("has another purpose: it cannot tell of a certificate");
  return absl::OkStatus();
}

bool NamesNearlyEverybody(const std::string& block) {
  const size_t slash = block.find('/');
  const std::string address = block.substr(0, slash);
  std::array<uint8_t, 16> bytes{};
  unsigned prefix = 128, before = 0;
  if (inet_pton(AF_INET, address.c_str(), bytes.data() + 12) == 1) {
    bytes[10] = bytes[11] = 0xff;
    before = 96;
  } else if (inet_pton(AF_INET6, address.c_str(), bytes.data()) != 1) {
    return true;
  }
  if (slash != std::string::npos) {
    if (!absl::SimpleAtoi(block.substr(slash + 1), &prefix)) return true;
    prefix += before;
  }
  return header::IsNearlyEverybody(bytes, prefix);
}

absl::Status CheckWhoTells(const v1::GatewaySettings& settings) {
  if (settings.trusted_proxies().empty()) {
    return Invalid(
        kHeadersSetting,
        ": only trusted proxies are believed, and trusted_proxies names none: list their "
        "addresses there");
  }
  for (const std::string& block : settings.trusted_proxies()) {
    if (!NamesNearlyEverybody(block)) continue;
    return Invalid(kHeadersSetting, ": trusted_proxies has `", block,
                   "`, and whoever calls from there would be whoever it says it is: list the "
                   "addresses of the proxies alone (at most a /8 of IPv4, a /7 of IPv6)");
  }
  return absl::OkStatus();
}

void WarnOfForwarding(const v1::GatewaySettings& settings, Warnings* warnings) {
  const v1::Xfcc mode = settings.identity_forwarding().xfcc();
  if (mode != v1::XFCC_FORWARD_ONLY && mode != v1::XFCC_APPEND_FORWARD &&
      mode != v1::XFCC_ALWAYS_FORWARD_ONLY) {
    return;
  }
  for (const std::string& name : settings.client_certificate_headers()) {
    if (!header::SameName(name, "x-forwarded-client-cert")) continue;
    warnings->push_back(absl::StrCat(
        kHeadersSetting, ": x-forwarded-client-cert is read and not passed on, although ",
        "identity_forwarding.xfcc wants it: sanitize_set tells upstreams of the same certificate"));
  }
}

}  // namespace

absl::Status CheckCertificateHeaders(const v1::GatewaySettings& settings, Warnings* warnings) {
  const auto& names = settings.client_certificate_headers();
  if (names.empty()) return absl::OkStatus();
  if (names.size() > kMostCertificateHeaders)
    return Invalid(kHeadersSetting, ": more than ", kMostCertificateHeaders);
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (absl::Status status = CheckHeadersName(name); !status.ok()) return status;
    if (!seen.insert(header::CanonicalName(name)).second)
      return Invalid(kHeadersSetting, ": `", name, "` stands there twice");
  }
  if (absl::Status status = CheckWhoTells(settings); !status.ok()) return status;
  WarnOfForwarding(settings, warnings);
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc
