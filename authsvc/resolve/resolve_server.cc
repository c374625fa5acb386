#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/resolve/visible.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/secret.h"
#include "shared/crypto/certificate.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::Duration kServerTtl = absl::Seconds(60);
constexpr absl::Duration kNoServerTtl = absl::Seconds(5);

// Which slot of the handshake a certificate can fill: one of each is offered side by side.
enum class Slot : uint8_t { kRsa, kEcdsa, kEdwards, kNone };

Slot SlotOf(crypto::KeyKind kind) {
  switch (kind) {
    case crypto::KeyKind::kRsa:
    case crypto::KeyKind::kRsaPss: return Slot::kRsa;
    case crypto::KeyKind::kEc: return Slot::kEcdsa;
    case crypto::KeyKind::kEd25519:
    case crypto::KeyKind::kEd448: return Slot::kEdwards;
    case crypto::KeyKind::kUnknown: return Slot::kNone;
  }
  return Slot::kNone;
}

struct Candidate {
  const CertificateEntry* entry = nullptr;
  bool of_api = false;
  Slot slot = Slot::kNone;
  const DialectObjectEntry* object = nullptr;
  bool useless = false;  // its key does not open

  [[nodiscard]] uint64_t written() const { return object == nullptr ? 0 : object->revision; }
};

// An API's before all others, then that of the object written last, the gateway's behind objects',
// then the one made last, then the one that lasts longest.
bool Better(const Candidate& a, const Candidate& b) {
  if (a.of_api != b.of_api) return a.of_api;
  if ((a.object != nullptr) != (b.object != nullptr)) return a.object != nullptr;
  if (a.written() != b.written()) return a.written() > b.written();
  if (a.entry->not_before_unix != b.entry->not_before_unix)
    return a.entry->not_before_unix > b.entry->not_before_unix;
  if (a.entry->not_after_unix != b.entry->not_after_unix)
    return a.entry->not_after_unix > b.entry->not_after_unix;
  return a.entry->id < b.entry->id;
}

class ServerResolver {
 public:
  ServerResolver(const Snapshot& snapshot, const v1::ResolveServerRequest& request, absl::Time now,
                 const KeyOpener& open, const ResolveScope& scope)
      : snapshot_(snapshot), request_(request), now_(now), open_(open), scope_(scope) {}

  v1::ResolveServerResponse Run() {
    answer_.set_revision(snapshot_.revision());
    answer_.add_tags("settings");
    answer_.add_tags("servers");  // which certificate serves a name changes with any of them
    if (!request_.listener_id().empty())
      answer_.add_tags(absl::StrCat("listener:", request_.listener_id()));
    if (!AddByName() && !request_.listener_id().empty()) AddDefault();
    const absl::Time end =
        answer_.pairs().empty() ? now_ + kNoServerTtl : std::min(now_ + kServerTtl, not_after_);
    answer_.set_ttl_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(end - now_)));
    return std::move(answer_);
  }

 private:
  bool AddByName() {
    if (request_.sni().empty()) return false;
    const auto host = domain::ParseHost(request_.sni());
    if (!host.ok() || host->is_ip) return false;  // RFC 6066: an SNI is never an address
    if (AddBest(CandidatesFor(host->name))) return true;
    const size_t dot = host->name.find('.');
    if (dot == std::string::npos) return false;
    return AddBest(CandidatesFor(absl::StrCat("*", host->name.substr(dot))));
  }

  bool AddDefault() {
    const ListenerEntry* const listener = snapshot_.FindListener(request_.listener_id());
    if (listener == nullptr || listener->listener.default_certificate_id().empty()) return false;
    const std::string& reference = listener->listener.default_certificate_id();
    answer_.add_tags(absl::StrCat("cert:", reference));
    std::vector<Candidate> candidates;
    if (snapshot_.GivesPrivateKey("", reference))
      AddCandidate(snapshot_.FindCertificate("", reference), false, &candidates);
    return AddBest(std::move(candidates));
  }

  std::vector<Candidate> CandidatesFor(absl::string_view name) {
    std::vector<Candidate> candidates;
    for (const Snapshot::ServerCertificate& found : snapshot_.ServerCertificates(name)) {
      if (!found.api_id.empty()) {
        const ApiEntry* const api = snapshot_.FindApi(found.api_id);
        // No tag that names it: another group's API does not exist here. "servers" voids the
        // answer.
        if (api == nullptr || api->api.inactive() || !IsVisible(api->api, scope_.group)) continue;
        answer_.add_tags(absl::StrCat("api:", found.api_id));
      }
      AddCandidate(found.certificate, !found.api_id.empty(), &candidates, found.object);
    }
    return candidates;
  }

  void AddCandidate(const CertificateEntry* entry, bool of_api, std::vector<Candidate>* candidates,
                    const DialectObjectEntry* object = nullptr) const {
    if (entry == nullptr || !entry->has_private_key() || entry->ExpiredAt(now_)) return;
    if (now_ < absl::FromUnixSeconds(entry->not_before_unix)) return;
    const auto chain = entry->Chain();
    if (!chain.ok() || chain->empty()) return;
    const Slot slot = SlotOf(chain->front()->key_kind);
    if (slot != Slot::kNone) candidates->push_back({entry, of_api, slot, object, false});
  }

  // The best of each slot whose key opens.
  bool AddBest(std::vector<Candidate> candidates) {
    std::sort(candidates.begin(), candidates.end(), Better);
    for (const Slot slot : {Slot::kEcdsa, Slot::kRsa, Slot::kEdwards}) {
      for (Candidate& candidate : candidates) {
        if (candidate.slot != slot) continue;
        if (AddPair(*candidate.entry)) break;
        candidate.useless = true;
      }
    }
    if (!answer_.pairs().empty()) SetVersions(candidates);
    return !answer_.pairs().empty();
  }

  // Those of the name: of the object written last, whichever certificate is in front of its own.
  void SetVersions(const std::vector<Candidate>& candidates) {
    for (const Candidate& candidate : candidates) {
      if (candidate.object == nullptr || candidate.useless) continue;
      answer_.set_min_version(candidate.object->object.min_version());
      answer_.set_max_version(candidate.object->object.max_version());
      return;
    }
  }

  bool AddPair(const CertificateEntry& entry) {
    v1::ServerPair pair;
    pair.set_certificate_id(entry.id);
    for (absl::string_view der : entry.ChainDer()) pair.add_chain_der(std::string(der));
    if (scope_.with_private_key) {
      if (!open_) return false;
      const absl::StatusOr<base::Secret> key = open_(entry);
      if (!key.ok() || key->empty()) return false;
      pair.set_key_der(std::string(key->Reveal()));
    }
    *answer_.add_pairs() = std::move(pair);
    answer_.add_tags(absl::StrCat("cert:", entry.id));
    not_after_ = std::min(not_after_, absl::FromUnixSeconds(entry.not_after_unix));
    return true;
  }

  const Snapshot& snapshot_;
  const v1::ResolveServerRequest& request_;
  const absl::Time now_;
  const KeyOpener& open_;
  const ResolveScope& scope_;
  absl::Time not_after_ = absl::InfiniteFuture();
  v1::ResolveServerResponse answer_;
};

}  // namespace

v1::ResolveServerResponse ResolveServer(const Snapshot& snapshot,
                                        const v1::ResolveServerRequest& request, absl::Time now,
                                        const KeyOpener& open, const ResolveScope& scope) {
  return ServerResolver(snapshot, request, now, open, scope).Run();
}

}  // namespace sallyport::authsvc
