// The listings of Snapshot: pages in the order of (org, id), walks, and entries as resources.
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot.h"
#include "authsvc/snapshot/snapshot_index.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

// A token is hex of "org NUL id" of the last entry of the page before.
std::string TokenOf(absl::string_view org, absl::string_view id) {
  return base::Hex(absl::StrCat(org, absl::string_view("\0", 1), id));
}

// Anything that is no token starts at the beginning.
std::pair<std::string, std::string> ParseToken(absl::string_view token) {
  const auto bytes = base::FromHex(token);
  if (!bytes.ok()) return {};
  const size_t border = bytes->find('\0');
  if (border == std::string::npos) return {};
  return {bytes->substr(0, border), bytes->substr(border + 1)};
}

template <typename Entry>
Page<Entry> ListPage(const Table<Entry>& table, const std::string* org, absl::string_view token,
                     size_t limit) {
  Page<Entry> page;
  if (limit == 0) limit = 1;
  const auto [after_org, after_id] = ParseToken(token);
  ListKey from{after_org, after_id};
  if (org != nullptr && (token.empty() || after_org != *org)) from = {*org, ""};
  table.listed.VisitFrom(from, [&](const Entry& entry) {
    if (org != nullptr && OrgOf(entry) != *org) return false;
    if (!token.empty() && OrgOf(entry) == after_org && IdOf(entry) == after_id) return true;
    if (page.entries.size() == limit) {
      const Entry& last = *page.entries.back();
      page.next = TokenOf(OrgOf(last), IdOf(last));
      return false;
    }
    page.entries.push_back(&entry);
    return true;
  });
  return page;
}

template <typename Entry>
void SetOrigin(const Entry& entry, v1::Resource* out) {
  out->set_revision(entry.revision);
  if (entry.origin == nullptr) return;
  out->set_dialect(entry.origin->dialect);
  out->set_set(entry.origin->set);
}

}  // namespace

Page<CertificateEntry> Snapshot::ListCertificates(const std::string* org, absl::string_view token,
                                                  size_t limit) const {
  return ListPage(index_->certificates, org, token, limit);
}
Page<ApiEntry> Snapshot::ListApis(const std::string* org, absl::string_view token,
                                  size_t limit) const {
  return ListPage(index_->apis, org, token, limit);
}
Page<KeyEntry> Snapshot::ListKeys(const std::string* org, absl::string_view token,
                                  size_t limit) const {
  return ListPage(index_->keys, org, token, limit);
}
Page<PolicyEntry> Snapshot::ListPolicies(const std::string* org, absl::string_view token,
                                         size_t limit) const {
  return ListPage(index_->policies, org, token, limit);
}
Page<ListenerEntry> Snapshot::ListListeners(absl::string_view token, size_t limit) const {
  return ListPage(index_->listeners, nullptr, token, limit);
}
Page<TrustBundleEntry> Snapshot::ListTrustBundles(const std::string* org, absl::string_view token,
                                                  size_t limit) const {
  return ListPage(index_->bundles, org, token, limit);
}

Page<SecretEntry> Snapshot::ListSecrets(const std::string* org, absl::string_view token,
                                        size_t limit) const {
  return ListPage(index_->secrets, org, token, limit);
}
Page<ConfigMapEntry> Snapshot::ListConfigMaps(const std::string* org, absl::string_view token,
                                              size_t limit) const {
  return ListPage(index_->config_maps, org, token, limit);
}
Page<TokenIssuerEntry> Snapshot::ListTokenIssuers(const std::string* org, absl::string_view token,
                                                  size_t limit) const {
  return ListPage(index_->issuers, org, token, limit);
}
Page<DialectObjectEntry> Snapshot::ListDialectObjects(const std::string* org,
                                                      absl::string_view token, size_t limit) const {
  return ListPage(index_->objects, org, token, limit);
}
void Snapshot::ForEachDialectObject(
    absl::string_view org, absl::string_view prefix,
    absl::FunctionRef<bool(const DialectObjectEntry&)> visit) const {
  index_->objects.listed.VisitFrom(ListKey{org, prefix}, [&](const DialectObjectEntry& entry) {
    if (OrgOf(entry) != org || !absl::StartsWith(IdOf(entry), prefix)) return false;
    return visit(entry);
  });
}

void Snapshot::ForEachApi(absl::FunctionRef<bool(const ApiEntry&)> visit) const {
  index_->apis.listed.VisitAll(visit);
}
void Snapshot::ForEachListener(absl::FunctionRef<bool(const ListenerEntry&)> visit) const {
  index_->listeners.listed.VisitAll(visit);
}
void Snapshot::ForEachCertificate(absl::FunctionRef<bool(const CertificateEntry&)> visit) const {
  index_->certificates.listed.VisitAll(visit);
}

std::vector<const CertificateEntry*> Snapshot::ExpiringBefore(absl::Time until,
                                                              size_t limit) const {
  std::vector<const CertificateEntry*> found;
  const int64_t last = absl::ToUnixSeconds(until);
  index_->expiring.VisitAll([&](const CertificateEntry& entry) {
    if (entry.not_after_unix > last || found.size() >= limit) return false;
    found.push_back(&entry);
    return true;
  });
  return found;
}

bool Snapshot::ToResource(Kind kind, absl::string_view id, v1::Resource* out) const {
  out->Clear();
  out->set_id(std::string(id));
  const auto fill = [&](const auto* entry, auto&& set_body) {
    if (entry == nullptr) return false;
    SetOrigin(*entry, out);
    set_body(*entry);
    RemoveSecrets(out);
    return true;
  };
  switch (kind) {
    case Kind::kCertificate:
      return fill(FindCertificateById(id), [&](const CertificateEntry& entry) {
        *out->mutable_certificate() = entry.ToProto();
      });
    case Kind::kApi:
      return fill(FindApi(id), [&](const ApiEntry& entry) { *out->mutable_api() = entry.api; });
    case Kind::kKey:
      return fill(FindKey(id), [&](const KeyEntry& entry) { *out->mutable_key() = entry.key; });
    case Kind::kPolicy:
      return fill(FindPolicy(id),
                  [&](const PolicyEntry& entry) { *out->mutable_policy() = entry.policy; });
    case Kind::kSettings:
      return fill(RevisionOf(kind, id) == 0 ? nullptr : &settings(),
                  [&](const SettingsEntry& entry) { *out->mutable_settings() = entry.settings; });
    case Kind::kListener:
      return fill(FindListener(id),
                  [&](const ListenerEntry& entry) { *out->mutable_listener() = entry.listener; });
    case Kind::kDialectObject:
      return fill(FindDialectObject(id), [&](const DialectObjectEntry& entry) {
        *out->mutable_dialect_object() = entry.object;
      });
    case Kind::kTokenIssuer:
      return fill(FindTokenIssuer(id), [&](const TokenIssuerEntry& entry) {
        *out->mutable_token_issuer() = entry.issuer;
      });
    case Kind::kTrustBundle:
      return fill(FindTrustBundle(id), [&](const TrustBundleEntry& entry) {
        *out->mutable_trust_bundle() = entry.bundle;
      });
    case Kind::kSecret:
      return fill(FindSecret(id),
                  [&](const SecretEntry& entry) { *out->mutable_secret() = entry.secret; });
    case Kind::kConfigMap:
      return fill(FindConfigMap(id), [&](const ConfigMapEntry& entry) {
        *out->mutable_config_map() = entry.config_map;
      });
  }
  return false;
}

}  // namespace sallyport::authsvc
