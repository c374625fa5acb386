// What an endpoint asks of its callers: `endpointSecurity` of apk-conf (reference apk.md B8) and
// `security` of a Backend (B9). The values stand in Secrets and are looked up when they are sent.
// Pure, thread-safe. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/kube_object.h"

namespace sallyport::authsvc::dialects::apk {

// Without a header: nothing is asked. `name_space`: of the Secrets.
[[nodiscard]] v1::UpstreamCredential ReadEndpointSecurity(const Fields& security,
                                                          const std::string& name_space);
[[nodiscard]] v1::UpstreamCredential ReadBackendSecurity(const Fields& security,
                                                         const std::string& name_space);

// All targets of an API are asked in one way. `first`: there was no target before.
void PutSecurity(const v1::UpstreamCredential& credential, bool first, const Fields& where,
                 absl::string_view name, v1::Upstream* upstream);

[[nodiscard]] ObjectRules EndpointSecurityRules();
[[nodiscard]] ObjectRules BasicSecurityTypeRules();   // securityType
[[nodiscard]] ObjectRules ApiKeySecurityTypeRules();  // likewise
[[nodiscard]] ObjectRules BackendSecurityRules();
[[nodiscard]] ObjectRules BasicSecurityRules();
[[nodiscard]] ObjectRules BasicSecretRules();
[[nodiscard]] ObjectRules ApiKeySecurityRules();
[[nodiscard]] ObjectRules ApiKeyValueRules();

}  // namespace sallyport::authsvc::dialects::apk
