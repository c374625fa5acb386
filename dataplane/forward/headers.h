// Which header lines pass (RFC 9110 §7.6.1, RFC 9112 §6, DESIGN 6). Pure.
#pragma once

#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/forward/message.h"

namespace sallyport::dataplane {

// Case-insensitive; '_' counts as '-', as many servers read it that way.
[[nodiscard]] bool SameHeader(absl::string_view a, absl::string_view b);
// Connection, Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade and the like.
[[nodiscard]] bool IsHopByHop(absl::string_view name);
// Names listed in the Connection lines of `headers`.
[[nodiscard]] std::vector<absl::string_view> ConnectionListed(absl::Span<const HeaderField> headers);

// What of `headers` goes to the upstream: Connection-listed names first, then hop-by-hop, framing, Host,
// Expect, `remove` and every copy of a name in `set`; then `set` at the end.
[[nodiscard]] std::vector<HeaderField> CleanRequest(absl::Span<const HeaderField> headers,
                                                   absl::Span<const HeaderField> set,
                                                   absl::Span<const absl::string_view> remove);
// What of an upstream's `headers` goes to the client: all but Connection-listed, hop-by-hop and framing.
[[nodiscard]] std::vector<HeaderField> CleanResponse(absl::Span<const HeaderField> headers);
// Trailer fields that may pass: no framing, routing, authentication or `forbidden` names (RFC 9110 §6.5.1).
[[nodiscard]] std::vector<HeaderField> CleanTrailers(absl::Span<const HeaderField> trailers,
                                                    absl::Span<const HeaderField> forbidden);

}  // namespace sallyport::dataplane
