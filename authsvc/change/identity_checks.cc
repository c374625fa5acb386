#include "authsvc/change/identity_checks.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/invalid.h"
#include "shared/header/identity_template.h"
#include "shared/header/names.h"

namespace sallyport::authsvc {
namespace {

constexpr int kMostHeaders = 16;
constexpr absl::string_view kWhere = "identity_forwarding";
constexpr absl::string_view kDefaultHeader = "x-forwarded-client-cert";

absl::Status CheckXfccFields(const v1::IdentityForwarding& forwarding) {
  std::set<std::string> seen;
  for (const std::string& field : forwarding.xfcc_fields()) {
    if (field != "hash" && field != "cert" && field != "chain" && field != "subject" &&
        field != "uri" && field != "dns") {
      return Invalid(kWhere, ".xfcc_fields: `", field,
                     "` is not known; known are: hash, cert, chain, subject, uri, dns");
    }
    if (!seen.insert(field).second)
      return Invalid(kWhere, ".xfcc_fields: `", field, "` stands there twice");
  }
  return absl::OkStatus();
}

absl::Status CheckXfccMode(const CheckContext& context, const v1::IdentityForwarding& forwarding,
                           absl::string_view header, Warnings* warnings) {
  const v1::Xfcc mode = forwarding.xfcc();
  if (!v1::Xfcc_IsValid(mode)) return Invalid(kWhere, ".xfcc: ", static_cast<int>(mode));
  const bool sets =
      mode == v1::XFCC_DEFAULT || mode == v1::XFCC_SANITIZE_SET || mode == v1::XFCC_APPEND_FORWARD;
  if (!sets && !forwarding.xfcc_fields().empty()) {
    return Invalid(kWhere, ".xfcc_fields: with this mode of xfcc no element of ours is written");
  }
  if (header == "-" && mode != v1::XFCC_DEFAULT && mode != v1::XFCC_SANITIZE) {
    return Invalid(kWhere, ".xfcc says what is sent, and identity_header `-` that nothing is");
  }
  const bool forwards = mode == v1::XFCC_FORWARD_ONLY || mode == v1::XFCC_APPEND_FORWARD ||
                        mode == v1::XFCC_ALWAYS_FORWARD_ONLY;
  if (forwards && context.after.settings().settings.trusted_proxies().empty()) {
    warnings->push_back(absl::StrCat(
        kWhere,
        ".xfcc: only what a trusted proxy sends is forwarded, and GatewaySettings name none"
        " (a data plane's own `trusted_proxies` count as well)"));
  }
  if (mode == v1::XFCC_ALWAYS_FORWARD_ONLY) {
    warnings->push_back(
        absl::StrCat(kWhere, ".xfcc: a proxy without a certificate is known by its address alone"));
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view name, absl::string_view header) {
  const auto refuse = [&](absl::string_view why) {
    return Invalid(kWhere, ".headers: `", name, "` ", why);
  };
  if (!header::IsFieldName(name) || name.size() > 256) return refuse("is not a valid header name");
  if (absl::StrContains(name, '_'))
    return refuse("has a `_`, which many servers drop or read as `-`: write `-`");
  if (IsConnectionsOwn(name) || header::IsAddressHeader(name) ||
      header::SameName(name, "x-request-id")) {
    return refuse("is the gateway's own: it cannot be set");
  }
  if (header::SameName(name, header.empty() ? kDefaultHeader : header))
    return refuse("is the header of `xfcc`");
  if (header::SameName(name, "client-cert") || header::SameName(name, "client-cert-chain"))
    return refuse("is set by client_cert and client_cert_chain");
  return absl::OkStatus();
}

absl::Status CheckHeaders(const v1::IdentityForwarding& forwarding, absl::string_view header) {
  if (forwarding.headers_size() > kMostHeaders)
    return Invalid(kWhere, ".headers: more than ", kMostHeaders);
  std::set<std::string> seen;
  for (const auto& [name, text] : forwarding.headers()) {
    if (auto status = CheckName(name, header); !status.ok()) return status;
    if (!seen.insert(header::CanonicalName(name)).second)
      return Invalid(kWhere, ".headers: `", name, "` stands there twice");
    const auto parsed = header::IdentityTemplate::Parse(text);
    if (!parsed.ok()) return Invalid(kWhere, ".headers: `", name, "`: ", parsed.status().message());
  }
  return absl::OkStatus();
}

}  // namespace

bool IsConnectionsOwn(absl::string_view name) {
  static constexpr absl::string_view kNames[] = {"connection",
                                                 "keep-alive",
                                                 "proxy-connection",
                                                 "proxy-authenticate",
                                                 "proxy-authorization",
                                                 "te",
                                                 "trailer",
                                                 "transfer-encoding",
                                                 "content-length",
                                                 "upgrade",
                                                 "http2-settings",
                                                 "expect",
                                                 "host"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](absl::string_view own) { return header::SameName(name, own); });
}

absl::Status CheckIdentityForwarding(const CheckContext& context,
                                     const v1::IdentityForwarding& forwarding,
                                     absl::string_view header, Warnings* warnings) {
  absl::Status status = CheckXfccFields(forwarding);
  if (status.ok()) status = CheckXfccMode(context, forwarding, header, warnings);
  if (status.ok()) status = CheckHeaders(forwarding, header);
  if (status.ok() && forwarding.client_cert_chain() && !forwarding.client_cert()) {
    status = Invalid(kWhere, ".client_cert_chain needs client_cert (RFC 9440 2.3)");
  }
  return status;
}

}  // namespace sallyport::authsvc
