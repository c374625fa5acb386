// What TLS handshakes for a name must be like, by the definitions of now: the rule for 421 of HTTP
// (RFC 9110 15.5.20), and for streams, which have no request that could be refused, the end. Pure.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "dataplane/exchange/living_stream.h"
#include "dataplane/exchange/loop_services.h"
#include "dataplane/route/offered_tls.h"
#include "dataplane/route/route_table.h"
#include "dataplane/route/strict_table.h"
#include "dataplane/sync/subscriber.h"
#include "dataplane/tls/peer.h"

namespace sallyport::dataplane {

// As long as the view lives.
struct HandshakeTerms {
  uint64_t version = 0;                 // TlsPeer::client_tls_version of such a handshake
  const StrictRule* strict = nullptr;   // null: no certificate is validated within it
  const OfferedTls* offered = nullptr;  // null: what the listener offers
};
// `name`: an SNI or host in lower case, without port; "": none.
[[nodiscard]] HandshakeTerms TermsFor(const GatewayView& view, const ListenerStyle& listener,
                                      absl::string_view name, HostMemo* memo);

// By the versions that certificates of names came with. A handshake for `name` itself, by the same
// rule, took its certificate and so its versions, which may be another's: an exact name's, where
// the rule is of "*.x".
[[nodiscard]] bool TakesVersionOf(const TlsPeer& peer, const GatewayView& view,
                                  absl::string_view name);

// Whether such a handshake would be made today: version, cipher, certificate asked for and
// validated. That less would do now ends nothing. `own`: the versions that its listener offers.
[[nodiscard]] bool HandshakeStands(const LivingStream& stream, const GatewayView& view,
                                   const OfferedTls& own);

}  // namespace sallyport::dataplane
