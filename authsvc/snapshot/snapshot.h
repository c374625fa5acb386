// All resources of one revision, immutable. Made by a SnapshotBuilder from the one before; both
// share what did not change, so a write costs the same at any size. Hold it by shared_ptr for as
// long as one question takes; pointers and views into it are valid that long. Thread-safe, no
// locks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "authsvc/snapshot/entries.h"
#include "authsvc/store/kind.h"
#include "authsvc/store/store.h"

namespace sallyport::authsvc {

struct SnapshotIndex;  // snapshot_index.h: the tables

// A use of a certificate by another resource. `how` is a constant: "allowlist", "client
// certificate", "pin", "server certificate", "binding", "key", "trust bundle", "control allowlist",
// "secret", "config map", "gateway allowlist", "gateway client certificate", "gateway pin",
// "gateway server certificate", "listener certificate".
struct CertificateUse {
  Kind kind = Kind::kApi;
  std::string id;
  std::string how;
  std::string reference;  // as it is written there: id or "name:NAME"
  bool operator==(const CertificateUse&) const = default;
};

// A page of entries of one kind in the order of (org, id).
template <typename Entry>
struct Page {
  std::vector<const Entry*> entries;
  std::string next;  // token of the next page; empty: this was the last
};

class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const SnapshotIndex> index);
  ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  // Empty, of no store: every question is answered with "not there".
  [[nodiscard]] static std::shared_ptr<const Snapshot> Empty();

  [[nodiscard]] const StoreState& state() const;
  [[nodiscard]] uint64_t revision() const { return state().revision; }
  [[nodiscard]] const std::string& store_id() const { return state().store_id; }
  [[nodiscard]] uint64_t epoch() const { return state().epoch; }

  // `reference` is a certificate id or "name:NAME"; a stable name is looked up in `org`, and so is
  // one of a place in a Secret or ConfigMap (resource.h).
  [[nodiscard]] const CertificateEntry* FindCertificate(absl::string_view org,
                                                        absl::string_view reference) const;
  [[nodiscard]] const CertificateEntry* FindCertificateById(absl::string_view id) const;
  // Whether the private key of what `reference` leads to may be used through it. A place in a
  // Secret gives only the key that the Secret itself brought: who writes another's public
  // certificate into one of his own must not get that one's key. ConfigMaps give none.
  [[nodiscard]] bool GivesPrivateKey(absl::string_view org, absl::string_view reference) const;

  // What "name:secret/NAMESPACE/NAME/KEY" of an org holds sealed; null: nothing (a certificate is
  // none). Both live as long as this.
  struct SealedPlace {
    const v1::KubeSecret* secret = nullptr;
    const v1::SealedSecret* sealed = nullptr;
    std::string key;
  };
  [[nodiscard]] SealedPlace FindSealed(absl::string_view org, absl::string_view reference) const;

  [[nodiscard]] const ApiEntry* FindApi(absl::string_view id) const;
  [[nodiscard]] const PolicyEntry* FindPolicy(absl::string_view id) const;
  [[nodiscard]] const ListenerEntry* FindListener(absl::string_view id) const;
  [[nodiscard]] const TrustBundleEntry* FindTrustBundle(absl::string_view id) const;
  [[nodiscard]] const SecretEntry* FindSecret(absl::string_view id) const;
  [[nodiscard]] const ConfigMapEntry* FindConfigMap(absl::string_view id) const;
  [[nodiscard]] const TokenIssuerEntry* FindTokenIssuer(absl::string_view id) const;
  // Those of that org, by id, until `visit` returns false.
  void ForEachTokenIssuer(absl::string_view org,
                          absl::FunctionRef<bool(const TokenIssuerEntry&)> visit) const;
  // The one of that org whose tokens have `value` in the claim `claim`; `but`: another one than
  // this.
  [[nodiscard]] const TokenIssuerEntry* FindTokenIssuerSelected(absl::string_view org,
                                                                absl::string_view claim,
                                                                absl::string_view value,
                                                                absl::string_view but = "") const;
  [[nodiscard]] const DialectObjectEntry* FindDialectObject(absl::string_view id) const;
  // Never null; defaults when none is stored.
  [[nodiscard]] const SettingsEntry& settings() const;

  [[nodiscard]] const KeyEntry* FindKey(absl::string_view id) const;
  // The key whose certificate this leaf is, within the org. Null also when the certificate is no
  // longer in the store: deleting it cuts the key off at once.
  [[nodiscard]] const KeyEntry* FindKeyByLeaf(absl::string_view org, const Digest& leaf) const;
  [[nodiscard]] const KeyEntry* FindKeyByLeaf(absl::string_view org, absl::string_view leaf) const;
  // Also when the certificate is gone: for uniqueness, WhoUses and explanations, never to let in.
  [[nodiscard]] const KeyEntry* FindKeyNamingLeaf(absl::string_view org, const Digest& leaf) const;
  [[nodiscard]] const KeyEntry* FindKeyByToken(absl::string_view sha256) const;  // 32 raw bytes
  [[nodiscard]] const KeyEntry* FindKeyByLogin(absl::string_view org,
                                               absl::string_view username) const;

  // `org`: only that org's; pass nullptr for all. `token`: of the page before, or empty. Costs what
  // the page costs. A token of an older snapshot goes on behind the same id.
  [[nodiscard]] Page<CertificateEntry> ListCertificates(const std::string* org,
                                                        absl::string_view token,
                                                        size_t limit) const;
  [[nodiscard]] Page<ApiEntry> ListApis(const std::string* org, absl::string_view token,
                                        size_t limit) const;
  [[nodiscard]] Page<KeyEntry> ListKeys(const std::string* org, absl::string_view token,
                                        size_t limit) const;
  [[nodiscard]] Page<PolicyEntry> ListPolicies(const std::string* org, absl::string_view token,
                                               size_t limit) const;
  [[nodiscard]] Page<ListenerEntry> ListListeners(absl::string_view token, size_t limit) const;
  [[nodiscard]] Page<TrustBundleEntry> ListTrustBundles(const std::string* org,
                                                        absl::string_view token,
                                                        size_t limit) const;
  [[nodiscard]] Page<SecretEntry> ListSecrets(const std::string* org, absl::string_view token,
                                              size_t limit) const;
  [[nodiscard]] Page<ConfigMapEntry> ListConfigMaps(const std::string* org, absl::string_view token,
                                                    size_t limit) const;
  [[nodiscard]] Page<TokenIssuerEntry> ListTokenIssuers(const std::string* org,
                                                        absl::string_view token,
                                                        size_t limit) const;
  [[nodiscard]] Page<DialectObjectEntry> ListDialectObjects(const std::string* org,
                                                            absl::string_view token,
                                                            size_t limit) const;
  // Those whose id begins with `prefix`, of that org.
  void ForEachDialectObject(absl::string_view org, absl::string_view prefix,
                            absl::FunctionRef<bool(const DialectObjectEntry&)> visit) const;
  // Every entry, in the order of (org, id); return false to stop.
  void ForEachApi(absl::FunctionRef<bool(const ApiEntry&)> visit) const;
  void ForEachListener(absl::FunctionRef<bool(const ListenerEntry&)> visit) const;
  void ForEachCertificate(absl::FunctionRef<bool(const CertificateEntry&)> visit) const;

  // Server certificates of APIs and of the gateway that serve `name`: lower case, exact, or
  // "*.rest" as it stands in the certificate. Certificates that are not there or have no private
  // key are left out. With the API that brings it (empty: the gateway's).
  struct ServerCertificate {
    const CertificateEntry* certificate = nullptr;
    std::string api_id;
    const DialectObjectEntry* object = nullptr;  // that brings it; null: none
  };
  [[nodiscard]] std::vector<ServerCertificate> ServerCertificates(absl::string_view name) const;

  // Who refers to this certificate (an id that need not be there, or "name:NAME" with its org).
  [[nodiscard]] std::vector<CertificateUse> WhoUses(absl::string_view org,
                                                    absl::string_view reference) const;
  // References to what is not there: "Api a1: allowlist: ORGHEX". At most `limit`.
  [[nodiscard]] std::vector<std::string> Pending(size_t limit) const;
  [[nodiscard]] size_t Count(Kind kind) const;
  // Revision of any resource; 0: not there.
  [[nodiscard]] uint64_t RevisionOf(Kind kind, absl::string_view id) const;
  // Certificates in the order of their notAfter, soonest first, up to `until`. At most `limit`.
  [[nodiscard]] std::vector<const CertificateEntry*> ExpiringBefore(absl::Time until,
                                                                    size_t limit) const;

  // The resource as Admin shows it: no private key, no token hash, no original document.
  // False: not there.
  [[nodiscard]] bool ToResource(Kind kind, absl::string_view id, v1::Resource* out) const;

  [[nodiscard]] const SnapshotIndex& index() const { return *index_; }

 private:
  std::shared_ptr<const SnapshotIndex> index_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace sallyport::authsvc
