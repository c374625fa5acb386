// The parts of SnapshotBuilder that keep the tables of keys, APIs, settings, listeners and bundles.
#include <algorithm>
#include <set>

#include "authsvc/snapshot/compile.h"
#include "authsvc/snapshot/may_use.h"
#include "authsvc/snapshot/references.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_builder.h"
#include "authsvc/snapshot/snapshot_index.h"

namespace sallyport::authsvc {
namespace {

// The certificates of a key. One that is written as an id need not be there yet; a stable name must
// be.
void SetLeaves(const Snapshot& view, KeyEntry* entry) {
  const v1::Key& key = entry->key;
  entry->leaves.clear();
  for (const std::string& reference : key.certificate_ids()) {
    absl::string_view org;
    std::string raw;
    KeyLeaf leaf;
    const auto* certificate = view.FindCertificate(key.org_id(), reference);
    if (certificate != nullptr && certificate->is_public_key) continue;
    if (StableName(reference)) {
      if (certificate == nullptr) continue;
      leaf.fingerprint = certificate->fingerprint;
    } else if (!SplitCertificateId(reference, &org, &raw) || org != key.org_id() ||
               !ToDigest(raw, &leaf.fingerprint)) {
      continue;
    }
    leaf.there = certificate != nullptr;
    if (LeafOf(*entry, leaf.fingerprint) == nullptr) entry->leaves.push_back(leaf);
  }
}

template <typename List>
std::vector<ServedName> ServedBy(const Snapshot& view, absl::string_view org,
                                 const List& references) {
  std::vector<ServedName> served;
  for (const std::string& reference : references) {
    const auto* entry = view.FindCertificate(org, reference);
    if (entry == nullptr || !MayUse(org, entry->org_id())) continue;
    if (entry->has_private_key() && !view.GivesPrivateKey(org, reference)) continue;
    for (std::string& name : ServedNames(*entry)) served.push_back({std::move(name), entry->id});
  }
  return served;
}

Ref<ApiEntry> CompiledApi(const Snapshot& view, const ApiEntry& old) {
  auto entry = MakeRef<ApiEntry>();
  entry->api = old.api;
  entry->revision = old.revision;
  entry->origin = old.origin;
  const auto& api = entry->api;
  entry->allowlist = CompileAllowlist(view, api.org_id(), api.client_tls().allowlist());
  entry->client_certificates = CompileClientCertificates(api.upstream().client_certificates());
  entry->pins = CompilePins(api.upstream().pins());
  entry->served = ServedBy(view, api.org_id(), api.server_certificate_ids());
  std::set<std::string> names;
  for (const auto& one : entry->served) names.insert(one.name);
  entry->server_names.assign(names.begin(), names.end());
  return entry;
}

std::shared_ptr<SettingsEntry> CompiledSettings(const Snapshot& view, const SettingsEntry& old) {
  auto entry = std::make_shared<SettingsEntry>();
  entry->settings = old.settings;
  entry->revision = old.revision;
  entry->origin = old.origin;
  const auto& settings = entry->settings;
  entry->client_allowlist = CompileAllowlist(view, "", settings.client_allowlist());
  entry->control_allowlist = CompileAllowlist(view, "", settings.control_allowlist());
  entry->upstream_certificates = CompileClientCertificates(settings.upstream_certificates());
  entry->pins = CompilePins(settings.pins());
  entry->served = ServedBy(view, "", settings.server_certificate_ids());
  entry->revocation = CompileRevocation(settings);
  return entry;
}

}  // namespace

// --- keys

void SnapshotBuilder::TouchKeyOf(absl::string_view org, const Digest& leaf) {
  const KeyEntry* key = view_->FindKeyNamingLeaf(org, leaf);
  if (key == nullptr) return;
  const std::string& id = key->key.id();
  to_compile_.emplace(Kind::kKey, id);
  changes_.try_emplace({Kind::kKey, id}, SnapshotChange{Kind::kKey, id, false, true});
}

void SnapshotBuilder::IndexKey(const Ref<const KeyEntry>& entry) {
  const auto same = [&](const KeyEntry& other) { return other.key.id() == entry->key.id(); };
  for (const KeyLeaf& leaf : entry->leaves) {
    const absl::string_view digest = DigestBytes(leaf.fingerprint);
    index_->keys_by_leaf.Put(edit_, HashOfPair(entry->key.org_id(), digest), entry, same);
  }
  for (const std::string& token : entry->key.token_sha256()) {
    index_->keys_by_token.Put(edit_, HashOf(token), entry, same);
  }
  if (entry->key.has_basic_login()) {
    index_->keys_by_login.Put(
        edit_, HashOfPair(entry->key.org_id(), entry->key.basic_login().username()), entry, same);
    index_->logins.Put(edit_, entry);
  }
}

void SnapshotBuilder::UnindexKey(const KeyEntry& entry) {
  const auto same = [&](const KeyEntry& other) { return other.key.id() == entry.key.id(); };
  for (const KeyLeaf& leaf : entry.leaves) {
    const absl::string_view digest = DigestBytes(leaf.fingerprint);
    index_->keys_by_leaf.Erase(edit_, HashOfPair(entry.key.org_id(), digest), same);
  }
  for (const std::string& token : entry.key.token_sha256()) {
    index_->keys_by_token.Erase(edit_, HashOf(token), same);
  }
  if (entry.key.has_basic_login()) {
    index_->keys_by_login.Erase(
        edit_, HashOfPair(entry.key.org_id(), entry.key.basic_login().username()), same);
    index_->logins.Erase(edit_, entry);
  }
}

void SnapshotBuilder::PutKey(Ref<KeyEntry> entry) {
  SetLeaves(*view_, entry.get());
  std::vector<UseItem> uses = UsesOf(entry->key);
  const bool named = std::any_of(uses.begin(), uses.end(), [](const UseItem& use) {
    return StableName(use.reference).has_value();
  });
  if (named) to_compile_.emplace(Kind::kKey, entry->key.id());
  std::vector<UseItem> before;
  if (const KeyEntry* old = view_->FindKey(entry->key.id()); old != nullptr) {
    before = UsesOf(old->key);
    UnindexKey(*old);
    if (old->key.org_id() != entry->key.org_id()) RemoveEntry(edit_, &index_->keys, *old);
  }
  SetUses(before, std::move(uses));
  Ref<const KeyEntry> ready = std::move(entry);
  IndexKey(ready);
  InsertEntry(edit_, &index_->keys, std::move(ready));
}

void SnapshotBuilder::EraseKey(absl::string_view id) {
  const KeyEntry* old = view_->FindKey(id);
  SetUses(UsesOf(old->key), {});
  UnindexKey(*old);
  RemoveEntry(edit_, &index_->keys, *old);
}

// --- APIs

void SnapshotBuilder::IndexServed(absl::string_view api_id, const std::vector<ServedName>& served,
                                  bool add) {
  for (const ServedName& one : served) {
    const ServerNameItem item{one.name, std::string(api_id), one.certificate_id};
    if (add) index_->server_names.Put(edit_, MakeRef<ServerNameItem>(item));
    if (!add) index_->server_names.Erase(edit_, item);
  }
}

void SnapshotBuilder::IndexApi(const Ref<const ApiEntry>& entry) {
  IndexServed(entry->api.id(), entry->served, true);
  const auto same = [&](const ApiEntry& other) { return other.api.id() == entry->api.id(); };
  for (const std::string& key : IndexKeys(entry->api)) {
    index_->apis_by_route.Put(edit_, HashOf(key), entry, same);
  }
}

void SnapshotBuilder::UnindexApi(const ApiEntry& entry) {
  IndexServed(entry.api.id(), entry.served, false);
  const auto same = [&](const ApiEntry& other) { return other.api.id() == entry.api.id(); };
  for (const std::string& key : IndexKeys(entry.api)) {
    index_->apis_by_route.Erase(edit_, HashOf(key), same);
  }
}

void SnapshotBuilder::PutApi(Ref<ApiEntry> entry) {
  to_compile_.emplace(Kind::kApi, entry->api.id());
  std::vector<UseItem> before;
  if (const ApiEntry* old = view_->FindApi(entry->api.id()); old != nullptr) {
    before = UsesOf(old->api);
    UnindexApi(*old);
    RemoveEntry(edit_, &index_->apis, *old);
  }
  SetUses(before, UsesOf(entry->api));
  Ref<const ApiEntry> raw = std::move(entry);
  IndexApi(raw);
  InsertEntry(edit_, &index_->apis, std::move(raw));
}

void SnapshotBuilder::EraseApi(absl::string_view id) {
  const ApiEntry* old = view_->FindApi(id);
  SetUses(UsesOf(old->api), {});
  UnindexApi(*old);
  RemoveEntry(edit_, &index_->apis, *old);
}

// --- settings, listeners, bundles

void SnapshotBuilder::PutSettings(std::shared_ptr<SettingsEntry> entry) {
  to_compile_.emplace(Kind::kSettings, kSettingsId);
  SetUses(UsesOf(index_->settings->settings), UsesOf(entry->settings));
  IndexServed("", index_->settings->served, false);
  index_->settings = std::move(entry);
}

void SnapshotBuilder::PutListener(Ref<const ListenerEntry> entry) {
  std::vector<UseItem> before;
  if (const auto* old = view_->FindListener(entry->listener.id()); old != nullptr) {
    before = UsesOf(old->listener);
    RemoveEntry(edit_, &index_->listeners, *old);
  }
  SetUses(before, UsesOf(entry->listener));
  InsertEntry(edit_, &index_->listeners, std::move(entry));
}

void SnapshotBuilder::PutBundle(Ref<const TrustBundleEntry> entry) {
  std::vector<UseItem> before;
  Touch(BundleKey(entry->bundle.id()));
  if (const auto* old = view_->FindTrustBundle(entry->bundle.id()); old != nullptr) {
    before = UsesOf(old->bundle);
    RemoveEntry(edit_, &index_->bundles, *old);
  }
  SetUses(before, UsesOf(entry->bundle));
  InsertEntry(edit_, &index_->bundles, std::move(entry));
}

void SnapshotBuilder::EraseBundle(absl::string_view id) {
  const auto* old = view_->FindTrustBundle(id);
  Touch(BundleKey(id));
  SetUses(UsesOf(old->bundle), {});
  RemoveEntry(edit_, &index_->bundles, *old);
}

namespace {

std::vector<ServedName> ServedBy(const v1::DialectObject& object) {
  std::vector<ServedName> served;
  for (const std::string& name : object.server_names()) {
    for (const std::string& id : object.server_certificate_ids()) served.push_back({name, id});
  }
  return served;
}

}  // namespace

void SnapshotBuilder::PutObject(Ref<const DialectObjectEntry> entry) {
  std::vector<UseItem> before;
  const std::string owner = ObjectOwner(entry->object.id());
  if (const auto* old = view_->FindDialectObject(entry->object.id()); old != nullptr) {
    before = UsesOf(old->object);
    IndexServed(owner, ServedBy(old->object), false);
    RemoveEntry(edit_, &index_->objects, *old);
  }
  SetUses(before, UsesOf(entry->object));
  IndexServed(owner, ServedBy(entry->object), true);
  InsertEntry(edit_, &index_->objects, std::move(entry));
}

void SnapshotBuilder::EraseObject(absl::string_view id) {
  const auto* old = view_->FindDialectObject(id);
  SetUses(UsesOf(old->object), {});
  IndexServed(ObjectOwner(id), ServedBy(old->object), false);
  RemoveEntry(edit_, &index_->objects, *old);
}

void SnapshotBuilder::Compile(Kind kind, const std::string& id) {
  if (kind == Kind::kApi) {
    const ApiEntry* old = view_->FindApi(id);
    if (old == nullptr) return;
    Ref<const ApiEntry> entry = CompiledApi(*view_, *old);
    UnindexApi(*old);
    IndexApi(entry);
    InsertEntry(edit_, &index_->apis, std::move(entry));
  } else if (kind == Kind::kKey) {
    const KeyEntry* old = view_->FindKey(id);
    if (old == nullptr) return;
    auto entry = MakeRef<KeyEntry>(*old);
    SetLeaves(*view_, entry.get());
    UnindexKey(*old);
    Ref<const KeyEntry> ready = std::move(entry);
    IndexKey(ready);
    InsertEntry(edit_, &index_->keys, std::move(ready));
  } else if (kind == Kind::kSettings) {
    auto entry = CompiledSettings(*view_, *index_->settings);
    IndexServed("", index_->settings->served, false);
    IndexServed("", entry->served, true);
    index_->settings = std::move(entry);
  }
}

}  // namespace sallyport::authsvc
