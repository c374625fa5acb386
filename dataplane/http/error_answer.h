// The one renderer of refusals (DESIGN 6, error answers): a reason in the style of the API's
// dialect. Style decides status and body; detail that helps an attacker is never in it. Pure;
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "dataplane/route/route.h"  // ErrorStyle
#include "shared/base/reason.h"

namespace sallyport::dataplane {

struct ErrorAnswer {
  base::Reason reason = base::Reason::kInternal;
  ErrorStyle style = ErrorStyle::kNative;
  absl::string_view request_id;
  bool static_mtls = false;           // the API has an allowlist: tyk words its refusals otherwise
  absl::string_view leaf_sha256_hex;  // tyk's "not allowed" names it; empty: none
  int retry_after_seconds = 0;        // > 0: Retry-After
  absl::string_view allowed_methods;  // not empty: Allow
  absl::string_view realm;            // not empty: user name and password are asked for (RFC 7617)
  bool jwt = false;                   // the API asks for signed tokens, and other ones do not lack
  bool xml = false;                   // tyk answers XML to an XML request
};

[[nodiscard]] int StatusOf(base::Reason reason, ErrorStyle style, bool static_mtls);
// The message of that style, without quotes.
[[nodiscard]] std::string MessageOf(const ErrorAnswer& answer);

// An answer that is the gateway's own, as of any version of HTTP: fields without framing.
struct OwnAnswer {
  int status = 500;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string body;
  bool only_head = false;  // nothing is said of a body either (gRPC's "Trailers-Only")
};
[[nodiscard]] OwnAnswer AnswerOf(const ErrorAnswer& answer);
// A 308 to `location` (plain HTTP to an API that asks for certificates, redirect on).
[[nodiscard]] OwnAnswer RedirectAnswer(absl::string_view location, absl::string_view request_id);
// Appends the whole HTTP/1.1 response. `to_head`: without its body; `close`: Connection: close.
void RenderOwnAnswer(const OwnAnswer& answer, bool to_head, bool close, std::string* out);

}  // namespace sallyport::dataplane
