// Which header fields pass (RFC 9110 §7.6.1, RFC 9112 §6, DESIGN 6). Pure, thread-safe. Names
// compare without case and with '_' as '-', as many servers read them.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dataplane/http/head.h"
#include "dataplane/http/message.h"

namespace sallyport::base {
class Appender;
}

namespace sallyport::dataplane {

// Connection, Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding, Upgrade: of this hop only.
[[nodiscard]] bool IsHopByHop(absl::string_view name);
// Names listed in the Connection fields.
[[nodiscard]] std::vector<absl::string_view> ConnectionListed(const HeaderFields& fields);

enum class Sender : bool { kAnybody, kTrustedProxy };

// Appends what goes to the upstream as "Name: value\r\n" lines: of `fields` all but
// Connection-listed, hop-by-hop, framing, Host, Expect, identity headers (shared/header), address
// headers of anybody, `remove` and names that are in `set`; then `set`. Control characters in
// values of `set` become '?'.
void AppendRequestFields(const HeaderFields& fields, absl::Span<const HeaderField> set,
                         absl::Span<const absl::string_view> remove, Sender sender,
                         std::string* out);
// The same as fields, for whoever frames them otherwise.
void CleanRequest(const HeaderFields& fields, absl::Span<const HeaderField> set,
                  absl::Span<const absl::string_view> remove, Sender sender, HeaderFields* out);
// "Name: value\r\n", four bytes longer than both.
void PutField(const HeaderField& field, base::Appender* out);
// What of an upstream's fields goes to the client: all but Connection-listed, hop-by-hop, framing,
// names that are in `set` and `remove`; then `set` and `add`.
void CleanResponse(const HeaderFields& fields, const AnswerChanges& changes, HeaderFields* out);
// Trailers that may pass to the upstream: no identity headers, no names that are in `set` or
// `remove`. (The parser has dropped framing, routing, authentication and address fields.)
[[nodiscard]] HeaderFields CleanTrailers(const HeaderFields& trailers,
                                         absl::Span<const HeaderField> set,
                                         absl::Span<const absl::string_view> remove);

}  // namespace sallyport::dataplane
