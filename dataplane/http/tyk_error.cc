#include "absl/strings/str_cat.h"
#include "dataplane/http/error_style.h"

namespace sallyport::dataplane {
namespace {

using base::Reason;

constexpr char kApiDisallowed[] = "Access to this API has been disallowed";

// Refusals of an API with a certificate allowlist: always 403.
StyledText StaticText(const ErrorAnswer& answer) {
  switch (answer.reason) {
    case Reason::kCertRequired: return {403, "Client TLS certificate is required"};
    case Reason::kCertExpired: return {403, "Certificate has expired"};
    default: break;
  }
  return {403, absl::StrCat("Certificate with SHA256 ", answer.leaf_sha256_hex, " not allowed")};
}

// Refusals of a certificate that is the credential itself.
StyledText DynamicText(Reason reason) {
  switch (reason) {
    case Reason::kCertRequired: return {401, "Client certificate required"};
    case Reason::kCertExpired: return {403, "Certificate has expired"};
    case Reason::kCertUnknown:
    case Reason::kCertBindingMismatch: return {401, kApiDisallowed};
    case Reason::kCertHeaderInvalid: return {400, "Bad request"};
    default: return {403, kApiDisallowed};
  }
}

StyledText CertificateText(const ErrorAnswer& answer) {
  // The allowlist passed before a binding or a key was looked at: those keep the wording of keys.
  const bool of_key = answer.reason == Reason::kCertUnknown ||
                      answer.reason == Reason::kCertBindingMismatch ||
                      answer.reason == Reason::kCertHeaderInvalid;
  return answer.static_mtls && !of_key ? StaticText(answer) : DynamicText(answer.reason);
}

StyledText UpstreamText(Reason reason) {
  switch (reason) {
    case Reason::kUpstreamDns: return {500, "Upstream host lookup failed"};
    case Reason::kUpstreamTimeout:
    case Reason::kUpstreamConnectTimeout: return {504, "Upstream service reached hard timeout."};
    case Reason::kUpstreamPoolFull: return {503, "Service temporarily unavailable."};
    default: return {500, "There was a problem proxying the request"};
  }
}

}  // namespace

StyledText TykText(const ErrorAnswer& answer) {
  const auto number = static_cast<unsigned>(answer.reason);
  if (number >= 10 && number < 40) return CertificateText(answer);
  if (number >= 120 && number < 140) return UpstreamText(answer.reason);
  switch (answer.reason) {
    case Reason::kTlsRequired: return {403, "TLS not enabled"};
    case Reason::kTokenRequired: return {401, "Authorization field missing"};
    case Reason::kTokenMalformed:
    case Reason::kTokenNamesNobody:
    case Reason::kTokenInvalid: return {403, "Key not authorized"};
    case Reason::kTokenExpired: return {401, "Key not authorized: token has expired"};
    case Reason::kLoginInvalid: return {401, "User not authorised"};
    case Reason::kTokenUnknown:
    case Reason::kKeyPolicyInvalid:
    case Reason::kApiNotGranted: return {403, kApiDisallowed};
    case Reason::kKeyInactive: return {403, "Key is inactive, please renew"};
    case Reason::kKeyExpired: return {401, "Key has expired, please renew"};
    case Reason::kVersionNotGranted: return {403, "Access to this API version has been disallowed"};
    case Reason::kOperationNotGranted: return {403, "Access to this resource has been disallowed"};
    case Reason::kRateLimited: return {429, "Rate Limit Exceeded"};
    case Reason::kQuotaExceeded: return {403, "Quota exceeded"};
    case Reason::kApiRateLimited: return {429, "API Rate Limit Exceeded"};
    case Reason::kNoRoute: return {404, "Not Found"};
    case Reason::kVersionRequired: return {403, "Version information not found"};
    case Reason::kVersionUnknown: return {403, "This API version does not seem to exist"};
    case Reason::kVersionExpired:
      return {403, "API has expired, please check documentation or contact administrator"};
    case Reason::kEndpointForbidden: return {403, "Requested endpoint is forbidden"};
    case Reason::kIpDenied: return {403, "access from this IP has been disallowed"};
    case Reason::kClientGone: return {499, "Client closed request"};
    default: break;
  }
  return {base::ReasonStatus(answer.reason), std::string(base::ReasonMessage(answer.reason))};
}

}  // namespace sallyport::dataplane
