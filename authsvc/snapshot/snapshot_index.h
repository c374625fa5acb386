// The tables of a snapshot. Only for this folder: copied by a builder, changed, and never again
// once a Snapshot holds it.
#pragma once

#include <memory>
#include <string>
#include <tuple>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "authsvc/snapshot/entries.h"
#include "authsvc/snapshot/hash_table.h"
#include "authsvc/snapshot/ordered_set.h"
#include "authsvc/store/kind.h"
#include "authsvc/store/store.h"

namespace sallyport::authsvc {

// Org and id of any entry, for the order of listings.
inline absl::string_view OrgOf(const CertificateEntry& entry) { return entry.org_id(); }
inline absl::string_view OrgOf(const ApiEntry& entry) { return entry.api.org_id(); }
inline absl::string_view OrgOf(const KeyEntry& entry) { return entry.key.org_id(); }
inline absl::string_view OrgOf(const PolicyEntry& entry) { return entry.policy.org_id(); }
inline absl::string_view OrgOf(const ListenerEntry&) { return {}; }
inline absl::string_view OrgOf(const TrustBundleEntry& entry) { return entry.bundle.org_id(); }
inline absl::string_view OrgOf(const SecretEntry& entry) { return entry.secret.org_id(); }
inline absl::string_view OrgOf(const ConfigMapEntry& entry) { return entry.config_map.org_id(); }
inline absl::string_view OrgOf(const TokenIssuerEntry& entry) { return entry.issuer.org_id(); }
inline absl::string_view OrgOf(const DialectObjectEntry& entry) { return entry.object.org_id(); }
inline absl::string_view IdOf(const DialectObjectEntry& entry) { return entry.object.id(); }
inline absl::string_view IdOf(const CertificateEntry& entry) { return entry.id; }
inline absl::string_view IdOf(const ApiEntry& entry) { return entry.api.id(); }
inline absl::string_view IdOf(const KeyEntry& entry) { return entry.key.id(); }
inline absl::string_view IdOf(const PolicyEntry& entry) { return entry.policy.id(); }
inline absl::string_view IdOf(const ListenerEntry& entry) { return entry.listener.id(); }
inline absl::string_view IdOf(const TrustBundleEntry& entry) { return entry.bundle.id(); }
inline absl::string_view IdOf(const SecretEntry& entry) { return entry.secret.id(); }
inline absl::string_view IdOf(const ConfigMapEntry& entry) { return entry.config_map.id(); }
inline absl::string_view IdOf(const TokenIssuerEntry& entry) { return entry.issuer.id(); }

struct ListKey {
  absl::string_view org;
  absl::string_view id;
};
struct ByOrgAndId {
  template <typename Entry>
  bool operator()(const Entry& a, const Entry& b) const {
    return std::make_pair(OrgOf(a), IdOf(a)) < std::make_pair(OrgOf(b), IdOf(b));
  }
  template <typename Entry>
  bool operator()(const Entry& a, const ListKey& b) const {
    return std::make_pair(OrgOf(a), IdOf(a)) < std::make_pair(b.org, b.id);
  }
};

// One use of a certificate or bundle; `key` is a ReferenceKey or BundleKey.
struct UseItem {
  std::string key;
  Kind kind = Kind::kApi;
  std::string id;
  const char* how = "";
  std::string reference;
};
struct UseLess {
  static auto Tie(const UseItem& use) {
    return std::tuple<absl::string_view, Kind, absl::string_view, absl::string_view>(
        use.key, use.kind, use.id, use.how);
  }
  bool operator()(const UseItem& a, const UseItem& b) const { return Tie(a) < Tie(b); }
  bool operator()(const UseItem& a, absl::string_view key) const { return a.key < key; }
};

// A DNS name that a server certificate serves, and who brings it.
struct ServerNameItem {
  std::string name;
  std::string api_id;  // empty: the gateway; of a dialect's object ObjectOwner
  std::string certificate_id;
};
// In no id of an API, so that neither is taken for the other.
inline std::string ObjectOwner(absl::string_view object_id) {
  return absl::StrCat("\x01", object_id);
}
struct ServerNameLess {
  static auto Tie(const ServerNameItem& item) {
    return std::tie(item.name, item.api_id, item.certificate_id);
  }
  bool operator()(const ServerNameItem& a, const ServerNameItem& b) const {
    return Tie(a) < Tie(b);
  }
  bool operator()(const ServerNameItem& a, absl::string_view name) const { return a.name < name; }
};

// Where a login stands among those of its organisation: by its sealed hash, which begins with a
// nonce and is shown to nobody, so that the order is as random, and known to nobody outside.
inline absl::string_view PlaceOf(const KeyEntry& entry) {
  return entry.key.basic_login().sealed_hash().ciphertext();
}
struct ByOrgAndPlace {
  bool operator()(const KeyEntry& a, const KeyEntry& b) const {
    return std::make_tuple(OrgOf(a), PlaceOf(a), IdOf(a)) <
           std::make_tuple(OrgOf(b), PlaceOf(b), IdOf(b));
  }
  bool operator()(const KeyEntry& a, const ListKey& b) const {  // its id: a place
    return std::make_pair(OrgOf(a), PlaceOf(a)) < std::make_pair(b.org, b.id);
  }
};

struct ByNotAfter {
  bool operator()(const CertificateEntry& a, const CertificateEntry& b) const {
    return std::tie(a.not_after_unix, a.id) < std::tie(b.not_after_unix, b.id);
  }
};

template <typename Entry>
struct Table {
  HashTable<Entry> by_id;
  OrderedSet<Entry, ByOrgAndId> listed;
};

struct SnapshotIndex {
  StoreState state;
  Table<CertificateEntry> certificates;
  Table<ApiEntry> apis;
  Table<KeyEntry> keys;
  Table<PolicyEntry> policies;
  Table<ListenerEntry> listeners;
  Table<TrustBundleEntry> bundles;
  Table<SecretEntry> secrets;
  Table<ConfigMapEntry> config_maps;
  Table<TokenIssuerEntry> issuers;
  Table<DialectObjectEntry> objects;
  std::shared_ptr<const SettingsEntry> settings;

  HashTable<CertificateEntry> certificates_by_name;  // HashOfPair(org, name)
  HashTable<KeyEntry> keys_by_leaf;                  // HashOfPair(org, digest)
  HashTable<KeyEntry> keys_by_token;                 // HashOf(sha256)
  HashTable<KeyEntry> keys_by_login;                 // HashOfPair(org, user name)
  HashTable<TokenIssuerEntry> issuers_by_selection;  // HashOfSelection, where one selects
  HashTable<ApiEntry> apis_by_route;                 // HashOf(RouteKey)
  OrderedSet<KeyEntry, ByOrgAndPlace> logins;        // keys that have one
  OrderedSet<CertificateEntry, ByNotAfter> expiring;
  OrderedSet<UseItem, UseLess> uses;
  OrderedSet<UseItem, UseLess> pending;  // those of `uses` whose certificate or bundle is not there
  OrderedSet<ServerNameItem, ServerNameLess> server_names;
};

inline uint64_t HashOf(absl::string_view text) { return absl::HashOf(text); }
inline uint64_t HashOfPair(absl::string_view a, absl::string_view b) { return absl::HashOf(a, b); }

inline uint64_t HashOfSelection(absl::string_view org, absl::string_view claim,
                                absl::string_view value) {
  return absl::HashOf(org, claim, value);
}

inline const KeyLeaf* LeafOf(const KeyEntry& entry, const Digest& fingerprint) {
  for (const KeyLeaf& leaf : entry.leaves) {
    if (leaf.fingerprint == fingerprint) return &leaf;
  }
  return nullptr;
}

template <typename Entry>
const Entry* FindById(const Table<Entry>& table, absl::string_view id) {
  return table.by_id.Find(HashOf(id), [&](const Entry& entry) { return IdOf(entry) == id; });
}

template <typename Entry>
void InsertEntry(uint64_t edit, Table<Entry>* table, Ref<const Entry> entry) {
  const absl::string_view id = IdOf(*entry);
  table->listed.Put(edit, entry);
  table->by_id.Put(edit, HashOf(id), std::move(entry),
                   [&](const Entry& other) { return IdOf(other) == id; });
}
// `entry` may be gone afterwards.
template <typename Entry>
void RemoveEntry(uint64_t edit, Table<Entry>* table, const Entry& entry) {
  const std::string id(IdOf(entry));
  table->listed.Erase(edit, entry);
  table->by_id.Erase(edit, HashOf(id), [&](const Entry& other) { return IdOf(other) == id; });
}

// Port, host and path of one route of an API, as they are compared: a trailing slash says nothing.
[[nodiscard]] std::vector<std::string> RouteKeys(const v1::Api& api);
// Of the same host and path, whatever else a request must have. In the index too.
[[nodiscard]] std::vector<std::string> PlaceKeys(const v1::Api& api);
// By which APIs of protocols tls and tcp are found beside it.
[[nodiscard]] std::string StreamPortKey(uint32_t port);
// All that an API is found by in apis_by_route.
[[nodiscard]] std::vector<std::string> IndexKeys(const v1::Api& api);

}  // namespace sallyport::authsvc
