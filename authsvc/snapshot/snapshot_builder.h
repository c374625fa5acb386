// Makes the next snapshot out of one and a list of changed records. What refers to a certificate
// that came, went or changed its stable name is compiled anew. Not thread-safe; use one builder for
// one snapshot. Cost: of the changed resources and of those that refer to them, not of the whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/tree_node.h"
#include "authsvc/store/kind.h"
#include "sallyport/v1/resources.pb.h"

namespace sallyport::authsvc {

// One resource that differs between two snapshots.
struct SnapshotChange {
  Kind kind = Kind::kApi;
  std::string id;
  bool deleted = false;
  // Not written itself: compiled anew because a certificate that it refers to came, went or moved.
  bool recompiled = false;
};

struct UseItem;
template <typename Entry>
struct Table;

class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(const SnapshotPtr& base);
  ~SnapshotBuilder();
  SnapshotBuilder(const SnapshotBuilder&) = delete;
  SnapshotBuilder& operator=(const SnapshotBuilder&) = delete;

  // `resource` as it is stored; its revision becomes the entry's. INVALID_ARGUMENT when it has no
  // body or a certificate does not parse. Bytes of the resource may be moved out of it.
  [[nodiscard]] absl::Status Put(v1::Resource resource);
  void Erase(Kind kind, absl::string_view id);
  [[nodiscard]] absl::Status PutSerialized(absl::string_view body, uint64_t revision);

  // Compiles and publishes; the builder is done. `changes` may be null.
  [[nodiscard]] SnapshotPtr Finish(const StoreState& state, std::vector<SnapshotChange>* changes);

 private:
  std::shared_ptr<const Origin> OriginOf(const v1::Resource& resource);
  void NoteWritten(Kind kind, absl::string_view id, bool deleted);

  void PutCertificate(Ref<const CertificateEntry> entry);
  void EraseCertificate(absl::string_view id);
  // The key of a leaf whose certificate came or went is compiled anew.
  void TouchKeyOf(absl::string_view org, const Digest& leaf);
  void PutKey(Ref<KeyEntry> entry);
  void EraseKey(absl::string_view id);
  void IndexKey(const Ref<const KeyEntry>& entry);
  void UnindexKey(const KeyEntry& entry);
  void PutApi(Ref<ApiEntry> entry);
  void EraseApi(absl::string_view id);
  void IndexApi(const Ref<const ApiEntry>& entry);
  void UnindexApi(const ApiEntry& entry);
  void PutSettings(std::shared_ptr<SettingsEntry> entry);
  void PutListener(Ref<const ListenerEntry> entry);
  void PutBundle(Ref<const TrustBundleEntry> entry);
  void EraseBundle(absl::string_view id);
  // Of a Secret or ConfigMap: whoever refers to a place in it is compiled anew.
  template <typename Entry>
  void PutData(Kind kind, Table<Entry>* table, Ref<const Entry> entry);
  template <typename Entry>
  void IndexSelection(const Entry&, const Ref<const Entry>&) {}  // token issuers alone select
  void IndexSelection(const TokenIssuerEntry& entry, const Ref<const TokenIssuerEntry>& put);
  template <typename Entry>
  void EraseData(Kind kind, Table<Entry>* table, absl::string_view id);
  void PutObject(Ref<const DialectObjectEntry> entry);
  void EraseObject(absl::string_view id);
  void IndexServed(absl::string_view api_id, const std::vector<ServedName>& served, bool add);

  // The use of `key` changed its answer: who has it is compiled anew and its pending state updated.
  void Touch(const std::string& key);
  void SetUses(const std::vector<UseItem>& before, std::vector<UseItem> after);
  [[nodiscard]] bool Resolves(const std::string& key, absl::string_view how) const;
  void UpdatePending();
  void CompileTouched();
  void Compile(Kind kind, const std::string& id);

  const uint64_t edit_;
  std::shared_ptr<SnapshotIndex> index_;
  std::unique_ptr<Snapshot> view_;  // of index_, while it is being changed
  absl::flat_hash_map<std::string, std::shared_ptr<const Origin>> origins_;
  std::set<std::string> touched_;  // reference keys
  std::vector<UseItem> added_uses_;
  std::set<std::pair<Kind, std::string>> to_compile_;
  std::map<std::pair<Kind, std::string>, SnapshotChange> changes_;
};

}  // namespace sallyport::authsvc
