// RateLimitPolicy and APIPolicy of WSO2 APK (reference apk.md B9): limits and CORS of an API, as
// resources beside it. Pure, thread-safe. Private to this folder.
#pragma once

#include <optional>
#include <string>

#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects::apk {

// `spec` of a RateLimitPolicy: `default` with `override` over it. Nothing after a refusal.
[[nodiscard]] std::optional<v1::RateLimit> ReadRateLimitPolicy(const Fields& spec);
// `spec` of an APIPolicy, likewise: what it says of CORS. Nothing: it says nothing of it.
[[nodiscard]] std::optional<v1::Cors> ReadApiPolicy(const Fields& spec);

// What policies that name this API say counts in place of its own `rateLimit` and
// `corsConfiguration`.
void PutPolicies(const KubeName& name, const ConvertOptions& options, Conversion* out,
                 v1::Api* api);

[[nodiscard]] ObjectRules PolicySpecRules();  // of either
[[nodiscard]] ObjectRules RateLimitDataRules();
[[nodiscard]] ObjectRules ApiPolicyDataRules();
[[nodiscard]] ObjectRules CorsPolicyRules();

}  // namespace sallyport::authsvc::dialects::apk
