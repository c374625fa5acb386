#include "dataplane/exchange/handshake_terms.h"

namespace sallyport::dataplane {

HandshakeTerms TermsFor(const GatewayView& view, const ListenerStyle& listener,
                        absl::string_view name, HostMemo* memo) {
  HandshakeTerms terms;
  terms.version = view.routes->ClientTlsVersion(name, listener.route_place, memo);
  if (view.strict != nullptr) {
    const StrictRulePtr* const rule = view.strict->Find(listener.id, listener.socket, name);
    if (rule != nullptr) terms.strict = rule->get();
    terms.version = WithStrictness(terms.version, terms.strict);
  }
  if (view.offered_tls != nullptr) {
    const OfferedTlsPtr* const rule = view.offered_tls->Find(listener.id, listener.socket, name);
    if (rule != nullptr) terms.offered = rule->get();
    if (terms.offered != nullptr) terms.version ^= terms.offered->version;
  }
  return terms;
}

bool TakesVersionOf(const TlsPeer& peer, const GatewayView& view, absl::string_view name) {
  const OfferedTlsTable* const table = view.offered_tls.get();
  const OfferedTlsPtr* const rule = table == nullptr ? nullptr : table->Everywhere(name);
  return rule == nullptr || (*rule)->Takes(peer.protocol) ||
         (name == peer.sni && (*rule)->version == peer.served_version);
}

bool HandshakeStands(const LivingStream& stream, const GatewayView& view, const OfferedTls& own) {
  const TlsPeer& peer = *stream.peer;
  if (!peer.tls) return true;
  const ListenerStyle& listener = *stream.listener;
  HostMemo memo;
  const HandshakeTerms now = TermsFor(view, listener, peer.sni, &memo);
  const OfferedTls offered = now.offered == nullptr ? own : now.offered->Over(own);
  if (!offered.Takes(peer.protocol) || !offered.TakesCipher(peer.protocol, peer.cipher) ||
      !TakesVersionOf(peer, view, peer.sni)) {
    return false;
  }
  if (now.strict != nullptr && now.strict->version != stream.strict_version) return false;
  return peer.asked_for_certificate ||
         !view.routes->ClientTls(peer.sni, listener.route_place).request_certificate;
}

}  // namespace sallyport::dataplane
