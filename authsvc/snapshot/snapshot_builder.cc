#include "authsvc/snapshot/snapshot_builder.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/snapshot/certificate_summary.h"
#include "authsvc/snapshot/references.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot_index.h"

namespace sallyport::authsvc {
namespace {

Ref<const CertificateEntry> EntryOf(v1::Certificate* certificate, uint64_t revision,
                                    std::shared_ptr<const Origin> origin,
                                    const std::string& digest) {
  auto entry = MakeRef<CertificateEntry>();
  entry->id = std::move(*certificate->mutable_id());
  entry->name = std::move(*certificate->mutable_name());
  entry->source = std::move(*certificate->mutable_source());
  entry->revision = revision;
  entry->origin = std::move(origin);
  entry->created_unix = certificate->created_unix();
  ToDigest(digest, &entry->fingerprint);
  const auto& summary = certificate->summary();
  ToDigest(summary.spki_sha256(), &entry->spki_sha256);
  entry->not_before_unix = summary.not_before_unix();
  entry->not_after_unix = summary.not_after_unix();
  entry->is_ca = summary.is_ca();
  entry->is_public_key = certificate->chain_der().empty();
  entry->der = entry->is_public_key ? certificate->public_key_der()
                                    : absl::StrJoin(certificate->chain_der(), "");
  entry->der.shrink_to_fit();
  if (certificate->has_private_key()) {
    entry->private_key = std::make_unique<v1::SealedSecret>(certificate->private_key());
  }
  return entry;
}

}  // namespace

SnapshotBuilder::SnapshotBuilder(const SnapshotPtr& base)
    : edit_(NextEdit()),
      index_(std::make_shared<SnapshotIndex>(base->index())),
      view_(std::make_unique<Snapshot>(index_)) {}

SnapshotBuilder::~SnapshotBuilder() = default;

std::shared_ptr<const Origin> SnapshotBuilder::OriginOf(const v1::Resource& resource) {
  const std::string key = absl::StrCat(resource.dialect(), " ", resource.set());
  auto& origin = origins_[key];
  if (origin == nullptr) {
    origin = std::make_shared<Origin>(Origin{resource.dialect(), resource.set()});
  }
  return origin;
}

void SnapshotBuilder::NoteWritten(Kind kind, absl::string_view id, bool deleted) {
  changes_[{kind, std::string(id)}] = {kind, std::string(id), deleted, false};
}

absl::Status SnapshotBuilder::PutSerialized(absl::string_view body, uint64_t revision) {
  v1::Resource resource;
  if (!resource.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
    return absl::DataLossError("a stored resource cannot be read");
  }
  resource.set_revision(revision);
  return Put(std::move(resource));
}

absl::Status SnapshotBuilder::Put(v1::Resource resource) {
  const auto kind = KindOf(resource);
  if (!kind || BodyId(resource).empty()) {
    return absl::InvalidArgumentError("a resource without body or id");
  }
  auto origin = OriginOf(resource);
  const uint64_t revision = resource.revision();
  const auto with = [&](auto entry) {
    entry->revision = revision;
    entry->origin = std::move(origin);
    return entry;
  };
  if (!index_->state.store_id.empty()) {
    NoteWritten(*kind, BodyId(resource), false);
  }
  switch (*kind) {
    case Kind::kCertificate: {
      auto* certificate = resource.mutable_certificate();
      absl::string_view org;
      std::string digest;
      if (!SplitCertificateId(certificate->id(), &org, &digest)) {
        return absl::InvalidArgumentError(
            absl::StrCat("certificate id ", certificate->id(), " is not org + SHA-256"));
      }
      if (certificate->summary().spki_sha256().empty()) {
        if (auto status = Summarize(certificate); !status.ok()) return status;
      }
      PutCertificate(EntryOf(certificate, revision, std::move(origin), digest));
      return absl::OkStatus();
    }
    case Kind::kApi: {
      auto entry = with(MakeRef<ApiEntry>());
      entry->api.Swap(resource.mutable_api());
      PutApi(std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kKey: {
      auto entry = with(MakeRef<KeyEntry>());
      entry->key.Swap(resource.mutable_key());
      PutKey(std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kPolicy: {
      auto entry = with(MakeRef<PolicyEntry>());
      entry->policy.Swap(resource.mutable_policy());
      if (const auto* old = view_->FindPolicy(entry->policy.id()))
        RemoveEntry(edit_, &index_->policies, *old);
      InsertEntry<PolicyEntry>(edit_, &index_->policies, std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kSettings: {
      auto entry = with(std::make_shared<SettingsEntry>());
      entry->settings.Swap(resource.mutable_settings());
      PutSettings(std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kListener: {
      auto entry = with(MakeRef<ListenerEntry>());
      entry->listener.Swap(resource.mutable_listener());
      PutListener(std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kTrustBundle: {
      auto entry = with(MakeRef<TrustBundleEntry>());
      entry->bundle.Swap(resource.mutable_trust_bundle());
      PutBundle(std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kSecret: {
      auto entry = with(MakeRef<SecretEntry>());
      entry->secret.Swap(resource.mutable_secret());
      PutData<SecretEntry>(*kind, &index_->secrets, std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kConfigMap: {
      auto entry = with(MakeRef<ConfigMapEntry>());
      entry->config_map.Swap(resource.mutable_config_map());
      PutData<ConfigMapEntry>(*kind, &index_->config_maps, std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kTokenIssuer: {
      auto entry = with(MakeRef<TokenIssuerEntry>());
      entry->issuer.Swap(resource.mutable_token_issuer());
      PutData<TokenIssuerEntry>(*kind, &index_->issuers, std::move(entry));
      return absl::OkStatus();
    }
    case Kind::kDialectObject: {
      auto entry = with(MakeRef<DialectObjectEntry>());
      entry->object.Swap(resource.mutable_dialect_object());
      PutObject(std::move(entry));
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError("a resource of unknown kind");
}

void SnapshotBuilder::Erase(Kind kind, absl::string_view id) {
  if (view_->RevisionOf(kind, id) == 0) return;
  NoteWritten(kind, id, true);
  to_compile_.erase({kind, std::string(id)});
  switch (kind) {
    case Kind::kCertificate: return EraseCertificate(id);
    case Kind::kApi: return EraseApi(id);
    case Kind::kKey: return EraseKey(id);
    case Kind::kPolicy: return RemoveEntry(edit_, &index_->policies, *view_->FindPolicy(id));
    case Kind::kSettings: return PutSettings(std::make_shared<SettingsEntry>());
    case Kind::kListener: {
      const auto* old = view_->FindListener(id);
      SetUses(UsesOf(old->listener), {});
      return RemoveEntry(edit_, &index_->listeners, *old);
    }
    case Kind::kTrustBundle: return EraseBundle(id);
    case Kind::kSecret: return EraseData(kind, &index_->secrets, id);
    case Kind::kConfigMap: return EraseData(kind, &index_->config_maps, id);
    case Kind::kTokenIssuer: return EraseData(kind, &index_->issuers, id);
    case Kind::kDialectObject: return EraseObject(id);
  }
}

SnapshotPtr SnapshotBuilder::Finish(const StoreState& state, std::vector<SnapshotChange>* changes) {
  CompileTouched();
  UpdatePending();
  index_->state = state;
  view_.reset();
  if (changes != nullptr) {
    changes->clear();
    for (auto& [key, change] : changes_) changes->push_back(std::move(change));
  }
  return std::make_shared<Snapshot>(std::move(index_));
}

// --- certificates

void SnapshotBuilder::PutCertificate(Ref<const CertificateEntry> entry) {
  const std::string id = entry->id;
  const std::string org(entry->org_id());
  const auto name_key = [&](const std::string& name) {
    return ReferenceKey(org, absl::StrCat(kNamePrefix, name));
  };
  const CertificateEntry* old = view_->FindCertificateById(id);
  const bool same_content = old != nullptr && old->der == entry->der;
  const std::string old_name = old == nullptr ? std::string() : old->name;
  if (!same_content) Touch(id);
  if (old == nullptr) TouchKeyOf(org, entry->fingerprint);
  if (old_name != entry->name || !same_content) {
    if (!old_name.empty()) Touch(name_key(old_name));
    if (!entry->name.empty()) Touch(name_key(entry->name));
  }
  if (old != nullptr) {
    if (!old_name.empty()) {
      index_->certificates_by_name.Erase(
          edit_, HashOfPair(org, old_name),
          [&](const CertificateEntry& other) { return other.id == id; });
    }
    if (!old->is_public_key) index_->expiring.Erase(edit_, *old);
  }
  if (!entry->is_public_key) index_->expiring.Put(edit_, entry);
  if (!entry->name.empty()) {
    index_->certificates_by_name.Put(edit_, HashOfPair(org, entry->name), entry,
                                     [&](const CertificateEntry& other) {
                                       return other.name == entry->name && other.org_id() == org;
                                     });
  }
  InsertEntry(edit_, &index_->certificates, std::move(entry));
}

void SnapshotBuilder::EraseCertificate(absl::string_view id) {
  const CertificateEntry* old = view_->FindCertificateById(id);
  Touch(old->id);
  TouchKeyOf(old->org_id(), old->fingerprint);
  if (!old->name.empty()) {
    Touch(ReferenceKey(old->org_id(), absl::StrCat(kNamePrefix, old->name)));
    index_->certificates_by_name.Erase(
        edit_, HashOfPair(old->org_id(), old->name),
        [&](const CertificateEntry& other) { return other.id == old->id; });
  }
  if (!old->is_public_key) index_->expiring.Erase(edit_, *old);
  RemoveEntry(edit_, &index_->certificates, *old);
}

// --- Secrets, ConfigMaps and what else refers to certificates and is not compiled

namespace {

const v1::KubeSecret& DataOf(const SecretEntry& entry) { return entry.secret; }
const v1::KubeConfigMap& DataOf(const ConfigMapEntry& entry) { return entry.config_map; }
const v1::TokenIssuer& DataOf(const TokenIssuerEntry& entry) { return entry.issuer; }

}  // namespace

// `put` empty: it goes.
void SnapshotBuilder::IndexSelection(const TokenIssuerEntry& entry,
                                     const Ref<const TokenIssuerEntry>& put) {
  const v1::TokenIssuer& issuer = entry.issuer;
  if (issuer.select_claim().empty()) return;
  const uint64_t hash =
      HashOfSelection(issuer.org_id(), issuer.select_claim(), issuer.select_value());
  const auto same = [&](const TokenIssuerEntry& other) { return other.issuer.id() == issuer.id(); };
  if (!put)
    index_->issuers_by_selection.Erase(edit_, hash, same);
  else
    index_->issuers_by_selection.Put(edit_, hash, put, same);
}

template <typename Entry>
void SnapshotBuilder::PutData(Kind kind, Table<Entry>* table, Ref<const Entry> entry) {
  const std::string id(IdOf(*entry));
  std::vector<UseItem> before;
  if (const Entry* old = FindById(*table, id); old != nullptr) {
    for (const std::string& key : DataKeysOf(*view_, kind, id)) Touch(key);
    before = UsesOf(DataOf(*old));
    IndexSelection(*old, {});
    RemoveEntry(edit_, table, *old);
  }
  SetUses(before, UsesOf(DataOf(*entry)));
  IndexSelection(*entry, entry);
  InsertEntry(edit_, table, std::move(entry));
  for (const std::string& key : DataKeysOf(*view_, kind, id)) Touch(key);
}

template <typename Entry>
void SnapshotBuilder::EraseData(Kind kind, Table<Entry>* table, absl::string_view id) {
  const Entry* old = FindById(*table, id);
  for (const std::string& key : DataKeysOf(*view_, kind, id)) Touch(key);
  SetUses(UsesOf(DataOf(*old)), {});
  IndexSelection(*old, {});
  RemoveEntry(edit_, table, *old);
}

// --- uses

void SnapshotBuilder::Touch(const std::string& key) {
  std::vector<std::string> places;
  bool used = false;
  index_->uses.VisitFrom(absl::string_view(key), [&](const UseItem& use) {
    if (use.key != key) return false;
    used = true;
    if (use.kind != Kind::kSecret && use.kind != Kind::kConfigMap) return true;
    for (std::string& place : DataKeysOf(*view_, use.kind, use.id, use.reference))
      places.push_back(std::move(place));
    return true;
  });
  if (!used || !touched_.insert(key).second) return;
  for (const std::string& place : places) Touch(place);
}

void SnapshotBuilder::SetUses(const std::vector<UseItem>& before, std::vector<UseItem> after) {
  std::vector<UseItem> gone;
  std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                      std::back_inserter(gone), UseLess());
  for (const UseItem& use : gone) {
    index_->uses.Erase(edit_, use);
    index_->pending.Erase(edit_, use);
  }
  std::vector<UseItem> added;
  std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                      std::back_inserter(added), UseLess());
  for (UseItem& use : added) {
    index_->uses.Put(edit_, MakeRef<UseItem>(use));
    added_uses_.push_back(std::move(use));
  }
}

bool SnapshotBuilder::Resolves(const std::string& key, absl::string_view how) const {
  absl::string_view org;
  absl::string_view name;
  if (how == kCredentialUse) {
    return SplitNameKey(key, &org, &name) &&
           view_->FindSealed(org, absl::StrCat(kNamePrefix, name)).sealed != nullptr;
  }
  if (SplitBundleKey(key, &name)) return view_->FindTrustBundle(name) != nullptr;
  if (SplitNameKey(key, &org, &name)) {
    return view_->FindCertificate(org, absl::StrCat(kNamePrefix, name)) != nullptr;
  }
  return view_->FindCertificateById(key) != nullptr;
}

void SnapshotBuilder::UpdatePending() {
  for (const std::string& key : touched_) {
    std::vector<Ref<const UseItem>> uses;
    index_->uses.VisitFrom(absl::string_view(key), [&](const UseItem& use) {
      if (use.key != key) return false;
      uses.push_back(MakeRef<UseItem>(use));
      return true;
    });
    for (auto& use : uses) {
      if (Resolves(key, use->how))
        index_->pending.Erase(edit_, *use);
      else
        index_->pending.Put(edit_, std::move(use));
    }
  }
  for (const UseItem& use : added_uses_) {
    if (!Resolves(use.key, use.how)) index_->pending.Put(edit_, MakeRef<UseItem>(use));
  }
}

void SnapshotBuilder::CompileTouched() {
  for (const std::string& key : touched_) {
    index_->uses.VisitFrom(absl::string_view(key), [&](const UseItem& use) {
      if (use.key != key) return false;
      to_compile_.emplace(use.kind, use.id);
      changes_.try_emplace({use.kind, use.id}, SnapshotChange{use.kind, use.id, false, true});
      return true;
    });
  }
  for (const auto& [kind, id] : to_compile_) Compile(kind, id);
}

}  // namespace sallyport::authsvc
