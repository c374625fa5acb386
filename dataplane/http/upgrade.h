// A connection that becomes another protocol's (RFC 9110 7.8): which one a request asks for, and
// whether an answer says that it has. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/http/head.h"

namespace sallyport::dataplane {

// The one protocol that this request asks for, as it was written; empty: none that could be passed
// on, and the request is one like any other. A request asks only as a whole: HTTP/1.1, one Upgrade
// field with one protocol in it that Connection lists, and no body (it would have to be read before
// the switch). HTTP itself and TLS are never asked for (what came after would be requests and
// handshakes past this gateway). WebSocket's has its GET and its key (RFC 6455 4.1).
[[nodiscard]] absl::string_view UpgradeOf(const RequestHead& head);

// Whether this answer of 101 to a request with these fields switches to `upgrade`: nullptr, or why
// not. A WebSocket server proves that it has understood (RFC 6455 4.2.2): who relays a status that
// somebody else chose does not.
[[nodiscard]] const char* NotSwitched(const ResponseHead& answer, const HeaderFields& request,
                                      absl::string_view upgrade);

// Of a protocol that configuration allows; empty: it may.
[[nodiscard]] std::string UpgradeProblem(absl::string_view protocol);

}  // namespace sallyport::dataplane
