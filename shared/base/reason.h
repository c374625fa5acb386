// The closed list of outcomes of a request: why it was refused, and whose fault that was.
// Every layer speaks of a refusal by one of these; the wire carries the number, logs and metrics
// the name, and each error style (dataplane/http/error_answer.h) its own text and status. Numbers
// are part of the wire format: never reuse or change one.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace sallyport::base {

enum class Fault : uint8_t { kNone, kClient, kPolicy, kUpstream, kAuthsvc, kGateway };

// X(enumerator, number, NAME, fault, native HTTP status, native message: safe to show a caller)
#define SALLYPORT_REASONS(X)                                                                       \
  X(kAllowed, 0, "ALLOWED", kNone, 200, "allowed")                                                 \
  /* client certificate */                                                                         \
  X(kCertRequired, 10, "CERT_REQUIRED", kClient, 401, "client certificate required")               \
  X(kCertMalformed, 11, "CERT_MALFORMED", kClient, 403, "client certificate is malformed")         \
  X(kCertExpired, 12, "CERT_EXPIRED", kClient, 403, "client certificate has expired")              \
  X(kCertNotYetValid, 13, "CERT_NOT_YET_VALID", kClient, 403, "client certificate not yet valid")  \
  X(kCertRevoked, 14, "CERT_REVOKED", kClient, 403, "client certificate is revoked")               \
  X(kCertUntrusted, 15, "CERT_UNTRUSTED", kClient, 403, "client certificate issuer not trusted")   \
  X(kCertBadSignature, 16, "CERT_BAD_SIGNATURE", kClient, 403, "certificate signature is wrong")   \
  X(kCertWrongUsage, 17, "CERT_WRONG_USAGE", kClient, 403, "certificate not for client use")       \
  X(kCertKeyUsage, 18, "CERT_KEY_USAGE", kClient, 403, "certificate key may not sign")             \
  X(kCertWeakKey, 19, "CERT_WEAK_KEY", kClient, 403, "certificate key is too weak")                \
  X(kCertWeakSignature, 20, "CERT_WEAK_SIGNATURE", kClient, 403, "certificate signature too weak") \
  X(kCertInvalidCa, 21, "CERT_INVALID_CA", kClient, 403, "an issuer is not a valid CA")            \
  X(kCertPathTooLong, 22, "CERT_PATH_TOO_LONG", kClient, 403, "certificate path is too long")      \
  X(kCertNameConstraint, 23, "CERT_NAME_CONSTRAINT", kClient, 403, "name not permitted by its CA") \
  X(kCertPolicy, 24, "CERT_POLICY", kClient, 403, "certificate policy not accepted")               \
  X(kCertCriticalExtension, 25, "CERT_CRITICAL_EXTENSION", kClient, 403,                           \
    "certificate has an unsupported critical extension")                                           \
  X(kCertPathBudget, 26, "CERT_PATH_BUDGET", kClient, 403, "certificate path is too complex")      \
  X(kCertNotAllowed, 27, "CERT_NOT_ALLOWED", kClient, 403, "client certificate not allowed")       \
  X(kCertUnknown, 28, "CERT_UNKNOWN", kClient, 401, "client certificate is not known")             \
  X(kCertBindingMismatch, 29, "CERT_BINDING_MISMATCH", kClient, 401,                               \
    "credential is bound to another certificate")                                                  \
  X(kCertHeaderInvalid, 30, "CERT_HEADER_INVALID", kClient, 400, "certificate header is invalid")  \
  /* transport */                                                                                  \
  X(kTlsRequired, 40, "TLS_REQUIRED", kClient, 403, "TLS required")                                \
  X(kMisdirected, 41, "MISDIRECTED", kClient, 421, "misdirected request")                          \
  /* token and key */                                                                              \
  X(kTokenRequired, 50, "TOKEN_REQUIRED", kClient, 401, "credential required")                     \
  X(kTokenUnknown, 51, "TOKEN_UNKNOWN", kClient, 403, "credential is not known")                   \
  X(kKeyInactive, 52, "KEY_INACTIVE", kPolicy, 403, "key is inactive")                             \
  X(kKeyExpired, 53, "KEY_EXPIRED", kPolicy, 401, "key has expired")                               \
  X(kKeyPolicyInvalid, 54, "KEY_POLICY_INVALID", kPolicy, 403, "key has no usable policy")         \
  X(kApiNotGranted, 55, "API_NOT_GRANTED", kPolicy, 403, "API not granted")                        \
  X(kVersionNotGranted, 56, "VERSION_NOT_GRANTED", kPolicy, 403, "API version not granted")        \
  X(kOperationNotGranted, 57, "OPERATION_NOT_GRANTED", kPolicy, 403, "operation not granted")      \
  X(kScopeMissing, 58, "SCOPE_MISSING", kPolicy, 403, "scope missing")                             \
  X(kRateLimited, 59, "RATE_LIMITED", kPolicy, 429, "rate limit exceeded")                         \
  X(kQuotaExceeded, 60, "QUOTA_EXCEEDED", kPolicy, 403, "quota exceeded")                          \
  X(kApiRateLimited, 61, "API_RATE_LIMITED", kPolicy, 429, "API rate limit exceeded")              \
  X(kTokenInvalid, 62, "TOKEN_INVALID", kClient, 401, "credential is not valid")                   \
  X(kTokenExpired, 63, "TOKEN_EXPIRED", kClient, 401, "credential has expired")                    \
  X(kLoginInvalid, 64, "LOGIN_INVALID", kClient, 401, "user name or password is wrong")            \
  X(kTokenMalformed, 65, "TOKEN_MALFORMED", kClient, 401, "credential is not valid")               \
  X(kTokenNamesNobody, 66, "TOKEN_NAMES_NOBODY", kClient, 401, "credential is not valid")          \
  /* route and request */                                                                          \
  X(kNoRoute, 70, "NO_ROUTE", kClient, 404, "not found")                                           \
  X(kApiUnusable, 71, "API_UNUSABLE", kPolicy, 503, "API cannot be served as configured")          \
  X(kVersionRequired, 72, "VERSION_REQUIRED", kClient, 403, "API version required")                \
  X(kVersionUnknown, 73, "VERSION_UNKNOWN", kClient, 403, "API version not found")                 \
  X(kVersionExpired, 74, "VERSION_EXPIRED", kClient, 403, "API version has expired")               \
  X(kEndpointForbidden, 75, "ENDPOINT_FORBIDDEN", kPolicy, 403, "endpoint is forbidden")           \
  X(kIpDenied, 76, "IP_DENIED", kPolicy, 403, "address not allowed")                               \
  X(kOperationUnknown, 77, "OPERATION_UNKNOWN", kClient, 404, "not found")                         \
  X(kMethodNotAllowed, 78, "METHOD_NOT_ALLOWED", kClient, 405, "method not allowed")               \
  X(kBadRequest, 80, "BAD_REQUEST", kClient, 400, "bad request")                                   \
  X(kHeadTooLarge, 81, "HEAD_TOO_LARGE", kClient, 431, "request head too large")                   \
  X(kTargetTooLong, 82, "TARGET_TOO_LONG", kClient, 414, "request target too long")                \
  X(kBodyTooLarge, 83, "BODY_TOO_LARGE", kClient, 413, "request body too large")                   \
  X(kRequestTimeout, 84, "REQUEST_TIMEOUT", kClient, 408, "request timeout")                       \
  X(kMethodNotSupported, 85, "METHOD_NOT_SUPPORTED", kClient, 501, "method not supported")         \
  X(kVersionNotSupported, 86, "HTTP_VERSION_NOT_SUPPORTED", kClient, 505, "version not supported") \
  X(kExpectationFailed, 87, "EXPECTATION_FAILED", kClient, 417, "expectation failed")              \
  X(kClientGone, 88, "CLIENT_GONE", kClient, 499, "client closed request")                         \
  /* authsvc */                                                                                    \
  X(kAuthsvcUnavailable, 100, "AUTHSVC_UNAVAILABLE", kAuthsvc, 503, "authorization unavailable")   \
  X(kAuthsvcRefused, 101, "AUTHSVC_REFUSED", kAuthsvc, 503, "authorization unavailable")           \
  X(kAuthsvcError, 102, "AUTHSVC_ERROR", kAuthsvc, 503, "authorization unavailable")               \
  X(kTokenKeysUnavailable, 103, "TOKEN_KEYS_UNAVAILABLE", kAuthsvc, 503,                           \
    "authorization unavailable")                                                                   \
  /* upstream */                                                                                   \
  X(kUpstreamDns, 120, "UPSTREAM_DNS", kUpstream, 502, "upstream host lookup failed")              \
  X(kUpstreamConnect, 121, "UPSTREAM_CONNECT", kUpstream, 502, "upstream not reachable")           \
  X(kUpstreamReset, 122, "UPSTREAM_RESET", kUpstream, 502, "upstream closed the connection")       \
  X(kUpstreamProtocol, 123, "UPSTREAM_PROTOCOL", kUpstream, 502, "upstream answer is invalid")     \
  X(kUpstreamTimeout, 124, "UPSTREAM_TIMEOUT", kUpstream, 504, "upstream timeout")                 \
  X(kUpstreamConnectTimeout, 125, "UPSTREAM_CONNECT_TIMEOUT", kUpstream, 504, "upstream timeout")  \
  X(kUpstreamTlsHandshake, 126, "UPSTREAM_TLS_HANDSHAKE", kUpstream, 502, "upstream TLS failed")   \
  X(kUpstreamCertUntrusted, 127, "UPSTREAM_CERT_UNTRUSTED", kUpstream, 502, "upstream TLS failed") \
  X(kUpstreamCertExpired, 128, "UPSTREAM_CERT_EXPIRED", kUpstream, 502, "upstream TLS failed")     \
  X(kUpstreamCertName, 129, "UPSTREAM_CERT_NAME", kUpstream, 502, "upstream TLS failed")           \
  X(kUpstreamPin, 130, "UPSTREAM_PIN_MISMATCH", kUpstream, 502, "upstream TLS failed")             \
  X(kUpstreamCredential, 131, "UPSTREAM_CREDENTIAL", kPolicy, 502, "upstream TLS failed")          \
  X(kUpstreamPoolFull, 132, "UPSTREAM_POOL_FULL", kUpstream, 503, "upstream busy")                 \
  X(kUpstreamProxy, 133, "UPSTREAM_PROXY", kUpstream, 502, "upstream not reachable")               \
  X(kUpstreamProxyRefused, 134, "UPSTREAM_PROXY_REFUSED", kUpstream, 502,                          \
    "upstream not reachable")                                                                      \
  /* ourselves */                                                                                  \
  X(kOverloaded, 140, "OVERLOADED", kGateway, 503, "overloaded")                                   \
  X(kInternal, 141, "INTERNAL", kGateway, 500, "internal error")                                   \
  X(kDraining, 142, "DRAINING", kGateway, 503, "shutting down")                                    \
  X(kScriptFailed, 143, "SCRIPT_FAILED", kPolicy, 500, "internal error")                           \
  X(kScriptLimit, 144, "SCRIPT_LIMIT", kPolicy, 500, "internal error")

enum class Reason : uint16_t {
// NOLINTNEXTLINE(bugprone-macro-parentheses): a name is declared
#define X(enumerator, number, name, fault, status, message) enumerator = number,
  SALLYPORT_REASONS(X)
#undef X
};

// All of these accept any value, also one that came by wire and is not in the list (then as
// kInternal).
[[nodiscard]] absl::string_view ReasonName(Reason reason);
[[nodiscard]] Fault ReasonFault(Reason reason);
[[nodiscard]] absl::string_view FaultName(Fault fault);
[[nodiscard]] int ReasonStatus(Reason reason);
[[nodiscard]] absl::string_view ReasonMessage(Reason reason);

// From the wire; a number that this build does not know is kInternal (a refusal, never "allowed").
[[nodiscard]] Reason ReasonFromNumber(uint32_t number);
[[nodiscard]] std::optional<Reason> ReasonFromName(absl::string_view name);

}  // namespace sallyport::base
