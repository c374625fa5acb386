// User name and password that upstreams ask for, as Tyk writes them. Private to this folder.
#pragma once

#include "authsvc/dialects/fields.h"

namespace sallyport::authsvc::dialects {

// `auth`: upstream_auth of Classic, upstream.authentication of OAS. A password that is not there is
// the stored one (as a definition that was read back has it).
void ClassicUpstreamAuth(const Fields& auth, v1::Api* api, Converted* converted);
void OasUpstreamAuth(const Fields& auth, v1::Api* api, Converted* converted);

[[nodiscard]] ObjectRules ClassicUpstreamAuthRules();
[[nodiscard]] ObjectRules OasUpstreamAuthRules();
[[nodiscard]] ObjectRules UpstreamLoginRules();  // basic_auth, basicAuth

}  // namespace sallyport::authsvc::dialects
