// The one renderer of refusals (DESIGN 6, error answers): a reason in the style of the API's dialect.
// Style decides status and body; detail that helps an attacker is never in it. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"  // ErrorStyle
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct ErrorAnswer {
  base::Reason reason = base::Reason::kInternal;
  ErrorStyle style = ErrorStyle::kNative;
  absl::string_view request_id;
  bool static_mtls = false;          // the API has an allowlist: tyk words its refusals otherwise
  absl::string_view leaf_sha256_hex;  // tyk's "not allowed" names it; empty: none
  bool head_request = false;         // no body
  bool close = false;                // Connection: close
  int retry_after_seconds = 0;       // > 0: Retry-After
  bool xml = false;                  // tyk answers XML to an XML request
};

[[nodiscard]] int StatusOf(base::Reason reason, ErrorStyle style, bool static_mtls);
// The message of that style, without quotes.
[[nodiscard]] std::string MessageOf(const ErrorAnswer& answer);
// Appends the whole HTTP/1.1 response.
void RenderError(const ErrorAnswer& answer, std::string* out);
// Appends a 308 to `location` (plain HTTP to an API that asks for certificates, redirect on).
void RenderRedirect(absl::string_view location, absl::string_view request_id, bool close,
                    std::string* out);

}  // namespace sallyport::dataplane
