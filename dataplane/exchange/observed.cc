#include "dataplane/exchange/observed.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::dataplane {

const Decision* DecisionOf(const std::optional<Permit>& permit,
                           const std::optional<Denial>& denial) {
  if (denial.has_value() && denial->decision != nullptr) return denial->decision.get();
  return permit.has_value() ? &permit->decision() : nullptr;
}

absl::string_view LeafOf(const PeerCertificate* certificate) {
  return certificate == nullptr ? absl::string_view() : absl::string_view(certificate->leaf_hex);
}

void DescribeClient(const Client& client, const PeerCertificate* certificate,
                    AccessRecord* record) {
  record->listener = client.listener.id;
  record->sni = client.peer.sni;
  record->tls_version = client.peer.protocol;
  record->tls_cipher = client.peer.cipher;
  record->resumed = client.peer.resumed;
  record->client_fingerprint = LeafOf(certificate);
}

void DescribeDecision(const std::optional<Permit>& permit, const std::optional<Denial>& denial,
                      AccessRecord* record) {
  const Decision* const decision = DecisionOf(permit, denial);
  if (decision != nullptr) record->identity = &decision->identity;
  record->stale = permit.has_value() && permit->stale();
}

void DescribeUpstream(const UpstreamFacts* upstream, AccessRecord* record) {
  if (upstream == nullptr) return;
  record->upstream = upstream->address;
  record->upstream_certificate_id = upstream->presented_certificate_id;
  record->upstream_http2 = upstream->http2;
  record->upstream_by_proxy = upstream->by_proxy;
}

void DescribeUpstream(const UpstreamFacts* upstream, std::string* room, AllowedRequest* request) {
  if (upstream == nullptr) return;
  request->upstream = upstream->address;
  if (upstream->by_proxy) {
    *room = absl::StrCat(upstream->address, " of the forward proxy");
    request->upstream = *room;
  }
  request->upstream_certificate_id = upstream->presented_certificate_id;
}

void DescribeAllowed(const AuthFacts& facts, const Permit& permit, const UpstreamTarget* target,
                     AllowedRequest* request) {
  request->tls = facts.tls;
  request->proof = facts.peer == nullptr ? Proof::kNone : facts.proof;
  request->proxy = facts.proxy;
  if (facts.peer != nullptr) {
    request->chain_der = &facts.peer->chain_der;
    request->leaf_sha256 = &facts.peer->leaf_sha256;
    request->chain_key = facts.peer->cache_key;
  }
  request->decision = &permit.decision();
  request->stale = permit.stale();
  if (target == nullptr) return;
  request->target_tls = target->tls;
  request->target = target->authority;
}

void ReportPin(LoopServices& services, const UpstreamTarget& target,
               const UpstreamFacts& upstream) {
  PinRecord pin;
  pin.host = target.host;
  pin.port = target.port;
  pin.spki_sha256 = upstream.spki_sha256;
  pin.matched = !upstream.pin_mismatch;
  services.telemetry.PinObserved(services.loop.index(), std::move(pin));
}

void ReportUse(LoopServices& services, const PeerCertificate* certificate, absl::string_view api_id,
               const std::optional<Permit>& permit, const std::optional<Denial>& denial,
               const std::optional<QuotaState>& quota) {
  const Decision* const decision = DecisionOf(permit, denial);
  if (decision == nullptr) return;
  UseOfQuota of_quota;
  if (quota.has_value()) of_quota = {quota->limit - quota->remaining, quota->reset_unix};
  services.telemetry.Used(services.loop.index(), decision->identity.key_id, LeafOf(certificate),
                          api_id, !denial.has_value(), of_quota);
}

}  // namespace sallyport::dataplane
