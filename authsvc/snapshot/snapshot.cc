#include "authsvc/snapshot/snapshot.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/references.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {

namespace {

// What stands at this place of a Secret or ConfigMap of the org; null: nothing.
const CertificateEntry* FindInData(const Snapshot& snapshot, absl::string_view org,
                                   const DataName& name) {
  const auto in = [&](const auto& data) -> const CertificateEntry* {
    const auto found = data.certificate_ids().find(std::string(name.key));
    if (data.org_id() != org || found == data.certificate_ids().end()) return nullptr;
    return snapshot.FindCertificateById(found->second);
  };
  if (name.kind == Kind::kSecret) {
    const SecretEntry* entry = snapshot.FindSecret(name.id);
    return entry == nullptr ? nullptr : in(entry->secret);
  }
  const ConfigMapEntry* entry = snapshot.FindConfigMap(name.id);
  return entry == nullptr ? nullptr : in(entry->config_map);
}

}  // namespace

Snapshot::Snapshot(std::shared_ptr<const SnapshotIndex> index) : index_(std::move(index)) {}
Snapshot::~Snapshot() = default;

std::shared_ptr<const Snapshot> Snapshot::Empty() {
  auto index = std::make_shared<SnapshotIndex>();
  index->settings = std::make_shared<SettingsEntry>();
  return std::make_shared<Snapshot>(std::move(index));
}

const StoreState& Snapshot::state() const { return index_->state; }
const SettingsEntry& Snapshot::settings() const { return *index_->settings; }

const CertificateEntry* Snapshot::FindCertificateById(absl::string_view id) const {
  return FindById(index_->certificates, id);
}

const CertificateEntry* Snapshot::FindCertificate(absl::string_view org,
                                                  absl::string_view reference) const {
  const auto name = StableName(reference);
  if (!name) return FindCertificateById(reference);
  if (DataName parts; SplitDataName(*name, &parts)) return FindInData(*this, org, parts);
  return index_->certificates_by_name.Find(HashOfPair(org, *name), [&](const CertificateEntry& c) {
    return c.name == *name && c.org_id() == org;
  });
}

bool Snapshot::GivesPrivateKey(absl::string_view org, absl::string_view reference) const {
  const CertificateEntry* const entry = FindCertificate(org, reference);
  if (entry == nullptr || !entry->has_private_key()) return false;
  const auto name = StableName(reference);
  DataName parts;
  if (!name || !SplitDataName(*name, &parts)) return true;
  const SecretEntry* const holder = parts.kind == Kind::kSecret ? FindSecret(parts.id) : nullptr;
  if (holder == nullptr) return false;
  const auto& ids = holder->secret.certificate_ids();
  const auto brought = ids.find(std::string(kPrivateKeyData));
  return brought != ids.end() && brought->second == entry->id;
}

Snapshot::SealedPlace Snapshot::FindSealed(absl::string_view org,
                                           absl::string_view reference) const {
  const auto name = StableName(reference);
  DataName parts;
  if (!name || !SplitDataName(*name, &parts) || parts.kind != Kind::kSecret) return {};
  const SecretEntry* const entry = FindSecret(parts.id);
  if (entry == nullptr || entry->secret.org_id() != org) return {};
  const std::string key(parts.key);
  const auto found = entry->secret.sealed_data().find(key);
  if (found == entry->secret.sealed_data().end()) return {};
  return {&entry->secret, &found->second, key};
}

const ApiEntry* Snapshot::FindApi(absl::string_view id) const { return FindById(index_->apis, id); }
const PolicyEntry* Snapshot::FindPolicy(absl::string_view id) const {
  return FindById(index_->policies, id);
}
const ListenerEntry* Snapshot::FindListener(absl::string_view id) const {
  return FindById(index_->listeners, id);
}
const TrustBundleEntry* Snapshot::FindTrustBundle(absl::string_view id) const {
  return FindById(index_->bundles, id);
}
const SecretEntry* Snapshot::FindSecret(absl::string_view id) const {
  return FindById(index_->secrets, id);
}
const ConfigMapEntry* Snapshot::FindConfigMap(absl::string_view id) const {
  return FindById(index_->config_maps, id);
}
const TokenIssuerEntry* Snapshot::FindTokenIssuer(absl::string_view id) const {
  return FindById(index_->issuers, id);
}
void Snapshot::ForEachTokenIssuer(absl::string_view org,
                                  absl::FunctionRef<bool(const TokenIssuerEntry&)> visit) const {
  index_->issuers.listed.VisitFrom(ListKey{org, ""}, [&](const TokenIssuerEntry& entry) {
    return OrgOf(entry) == org && visit(entry);
  });
}
const TokenIssuerEntry* Snapshot::FindTokenIssuerSelected(absl::string_view org,
                                                          absl::string_view claim,
                                                          absl::string_view value,
                                                          absl::string_view but) const {
  return index_->issuers_by_selection.Find(
      HashOfSelection(org, claim, value), [&](const TokenIssuerEntry& entry) {
        const v1::TokenIssuer& issuer = entry.issuer;
        return issuer.org_id() == org && issuer.select_claim() == claim &&
               issuer.select_value() == value && issuer.id() != but;
      });
}
const DialectObjectEntry* Snapshot::FindDialectObject(absl::string_view id) const {
  return FindById(index_->objects, id);
}
const KeyEntry* Snapshot::FindKey(absl::string_view id) const { return FindById(index_->keys, id); }

const KeyEntry* Snapshot::FindKeyNamingLeaf(absl::string_view org, const Digest& leaf) const {
  return index_->keys_by_leaf.Find(HashOfPair(org, DigestBytes(leaf)), [&](const KeyEntry& entry) {
    return LeafOf(entry, leaf) != nullptr && entry.key.org_id() == org;
  });
}

const KeyEntry* Snapshot::FindKeyByLeaf(absl::string_view org, const Digest& leaf) const {
  const KeyEntry* key = FindKeyNamingLeaf(org, leaf);
  return key != nullptr && LeafOf(*key, leaf)->there ? key : nullptr;
}

const KeyEntry* Snapshot::FindKeyByLeaf(absl::string_view org, absl::string_view leaf) const {
  Digest digest;
  return ToDigest(leaf, &digest) ? FindKeyByLeaf(org, digest) : nullptr;
}

const KeyEntry* Snapshot::FindKeyByLogin(absl::string_view org, absl::string_view username) const {
  return index_->keys_by_login.Find(HashOfPair(org, username), [&](const KeyEntry& entry) {
    return entry.key.org_id() == org && entry.key.has_basic_login() &&
           entry.key.basic_login().username() == username;
  });
}

const KeyEntry* Snapshot::FindKeyByToken(absl::string_view sha256) const {
  if (sha256.size() != sizeof(Digest)) return nullptr;
  return index_->keys_by_token.Find(HashOf(sha256), [&](const KeyEntry& entry) {
    const auto& tokens = entry.key.token_sha256();
    return std::any_of(tokens.begin(), tokens.end(), [&](const std::string& token) {
      return base::ConstantTimeEquals(token, sha256);
    });
  });
}

std::vector<Snapshot::ServerCertificate> Snapshot::ServerCertificates(
    absl::string_view name) const {
  std::vector<ServerCertificate> found;
  index_->server_names.VisitFrom(name, [&](const ServerNameItem& item) {
    if (item.name != name) return false;
    const auto* certificate = FindCertificateById(item.certificate_id);
    if (certificate != nullptr && certificate->has_private_key()) {
      const bool of_object = !item.api_id.empty() && item.api_id[0] == '\x01';
      found.push_back({certificate, of_object ? std::string() : item.api_id,
                       of_object ? FindDialectObject(item.api_id.substr(1)) : nullptr});
    }
    return true;
  });
  return found;
}

std::vector<CertificateUse> Snapshot::WhoUses(absl::string_view org,
                                              absl::string_view reference) const {
  std::vector<CertificateUse> found;
  const auto add = [&](absl::string_view key) {
    index_->uses.VisitFrom(key, [&](const UseItem& use) {
      if (use.key != key) return false;
      found.push_back({use.kind, use.id, use.how, use.reference});
      return true;
    });
  };
  // Whoever refers to the places of Secrets and ConfigMaps where it stands.
  const auto add_by_data = [&](absl::string_view id) {
    const std::vector<CertificateUse> holders = found;
    for (const CertificateUse& holder : holders) {
      if (holder.kind != Kind::kSecret && holder.kind != Kind::kConfigMap) continue;
      for (const std::string& key : DataKeysOf(*this, holder.kind, holder.id, id)) add(key);
    }
  };
  add(ReferenceKey(org, reference));
  if (StableName(reference)) return found;
  add_by_data(reference);
  if (const auto* entry = FindCertificateById(reference);
      entry != nullptr && !entry->name.empty()) {
    add(ReferenceKey(entry->org_id(), absl::StrCat(kNamePrefix, entry->name)));
  }
  absl::string_view id_org;
  std::string raw;
  Digest digest;
  if (!SplitCertificateId(reference, &id_org, &raw) || !ToDigest(raw, &digest)) return found;
  if (const KeyEntry* key = FindKeyNamingLeaf(id_org, digest); key != nullptr) {
    const auto& ids = key->key.certificate_ids();
    // One that names it by its stable name is among the uses already.
    if (std::find(ids.begin(), ids.end(), reference) != ids.end()) {
      found.push_back({Kind::kKey, key->key.id(), "key", std::string(reference)});
    }
  }
  return found;
}

std::vector<std::string> Snapshot::Pending(size_t limit) const {
  std::vector<std::string> found;
  index_->pending.VisitAll([&](const UseItem& use) {
    if (found.size() >= limit) return false;
    found.push_back(absl::StrCat(KindName(use.kind), " ", use.id, ": ", use.how, ": ",
                                 ReferenceText(use.reference)));
    return true;
  });
  return found;
}

size_t Snapshot::Count(Kind kind) const {
  switch (kind) {
    case Kind::kCertificate: return index_->certificates.by_id.size();
    case Kind::kApi: return index_->apis.by_id.size();
    case Kind::kKey: return index_->keys.by_id.size();
    case Kind::kPolicy: return index_->policies.by_id.size();
    case Kind::kSettings: return index_->settings->revision == 0 ? 0 : 1;
    case Kind::kListener: return index_->listeners.by_id.size();
    case Kind::kTrustBundle: return index_->bundles.by_id.size();
    case Kind::kSecret: return index_->secrets.by_id.size();
    case Kind::kConfigMap: return index_->config_maps.by_id.size();
    case Kind::kTokenIssuer: return index_->issuers.by_id.size();
    case Kind::kDialectObject: return index_->objects.by_id.size();
  }
  return 0;
}

uint64_t Snapshot::RevisionOf(Kind kind, absl::string_view id) const {
  const auto of = [](const auto* entry) -> uint64_t { return entry ? entry->revision : 0; };
  switch (kind) {
    case Kind::kCertificate: return of(FindCertificateById(id));
    case Kind::kApi: return of(FindApi(id));
    case Kind::kKey: return of(FindKey(id));
    case Kind::kPolicy: return of(FindPolicy(id));
    case Kind::kSettings: return id == kSettingsId ? index_->settings->revision : 0;
    case Kind::kListener: return of(FindListener(id));
    case Kind::kTrustBundle: return of(FindTrustBundle(id));
    case Kind::kSecret: return of(FindSecret(id));
    case Kind::kConfigMap: return of(FindConfigMap(id));
    case Kind::kTokenIssuer: return of(FindTokenIssuer(id));
    case Kind::kDialectObject: return of(FindDialectObject(id));
  }
  return 0;
}

}  // namespace sallyport::authsvc
