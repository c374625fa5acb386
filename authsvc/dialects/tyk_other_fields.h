// The fields of Tyk's sessions, policies and gateway configuration (reference tyk.md §2.2, §2.3),
// and what becomes of each. Each is defined beside its converter.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

[[nodiscard]] ObjectRules TykSessionRules();
[[nodiscard]] ObjectRules TykLoginRules();
[[nodiscard]] ObjectRules TykMonitorRules();
[[nodiscard]] ObjectRules TykPolicyRules();
[[nodiscard]] ObjectRules TykPartitionsRules();
[[nodiscard]] ObjectRules TykAccessRules();  // an entry of access_rights
[[nodiscard]] ObjectRules TykLimitRules();
[[nodiscard]] ObjectRules TykUrlRules();      // an entry of allowed_urls
[[nodiscard]] ObjectRules TykGatewayRules();  // tyk.conf: only what has effect
[[nodiscard]] ObjectRules TykSecurityRules();
[[nodiscard]] ObjectRules TykCertificatesRules();
[[nodiscard]] ObjectRules TykServerRules();  // http_server_options
[[nodiscard]] ObjectRules TykExpiryRules();  // security.certificate_expiry_monitor

}  // namespace sallyport::authsvc::dialects
