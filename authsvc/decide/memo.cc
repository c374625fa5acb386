#include "authsvc/decide/memo.h"

#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {
namespace {

void AddTo(RevocationSpec* spec, const v1::RevokedCertificate& revoked) {
  if (!revoked.issuer_der().empty())
    spec->serials.push_back({revoked.issuer_der(), revoked.serial()});
  if (!revoked.spki_sha256().empty()) spec->public_keys.push_back(revoked.spki_sha256());
  if (!revoked.tbs_sha256().empty()) spec->signed_parts.push_back(revoked.tbs_sha256());
}

}  // namespace

RevocationListPtr MakeRevocationList(const Snapshot& snapshot) {
  const auto& revoked = snapshot.settings().settings.revoked();
  if (revoked.empty()) return nullptr;
  RevocationSpec spec;
  for (const v1::RevokedCertificate& entry : revoked) AddTo(&spec, entry);
  return RevocationList::Make(spec);
}

RevocationListPtr DecisionMemo::Revocation(const Snapshot& snapshot) {
  const SettingsEntry& settings = snapshot.settings();
  if (settings.settings.revoked().empty()) return nullptr;
  const base::MutexLock lock(&mutex_);
  const bool same = revocation_ != nullptr && revision_ == settings.revision &&
                    epoch_ == snapshot.epoch() && store_id_ == snapshot.store_id();
  if (!same) {
    revocation_ = MakeRevocationList(snapshot);
    revision_ = settings.revision;
    epoch_ = snapshot.epoch();
    store_id_ = snapshot.store_id();
  }
  return revocation_;
}

}  // namespace sallyport::authsvc
