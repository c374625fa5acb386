#include "authsvc/snapshot/references.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/snapshot/snapshot.h"

namespace sallyport::authsvc {
namespace {

class Collector {
 public:
  Collector(Kind kind, const std::string& id, const std::string& org)
      : kind_(kind), id_(id), org_(org) {}

  void Add(const std::string& reference, const char* how) {
    if (reference.empty()) return;
    uses_.push_back({ReferenceKey(org_, reference), kind_, id_, how, reference});
  }
  template <typename List>
  void AddAll(const List& list, const char* how) {
    for (const auto& reference : list) Add(reference, how);
  }
  void AddAllowlist(const google::protobuf::RepeatedPtrField<v1::AllowlistEntry>& list,
                    const char* how) {
    for (const auto& entry : list) Add(entry.certificate_id(), how);
  }
  void AddCertificates(const v1::DomainCertificates& map, const char* how) {
    for (const auto& [domain, id] : map.certificate_ids()) Add(id, how);
  }
  void AddPins(const v1::DomainPins& map, const char* how) {
    for (const auto& [domain, pins] : map.pins()) AddAll(pins.certificate_ids(), how);
  }
  template <typename Tls>
  void AddBundles(const Tls& tls) {
    for (const auto& id : tls.trust_bundle_ids()) {
      uses_.push_back({BundleKey(id), kind_, id_, "trust bundle", id});
    }
  }
  std::vector<UseItem> Take() {
    std::sort(uses_.begin(), uses_.end(), UseLess());
    const auto same = [](const UseItem& a, const UseItem& b) {
      return UseLess::Tie(a) == UseLess::Tie(b);
    };
    uses_.erase(std::unique(uses_.begin(), uses_.end(), same), uses_.end());
    return std::move(uses_);
  }

 private:
  const Kind kind_;
  const std::string& id_;
  const std::string& org_;
  std::vector<UseItem> uses_;
};

constexpr char kNameKey[] = "name:";
constexpr char kBundleKey[] = "bundle:";
// In no org, name or id, so that a key of one form is never one of another.
constexpr absl::string_view kBorder("\0", 1);

}  // namespace

std::vector<UseItem> UsesOf(const v1::Api& api) {
  Collector collect(Kind::kApi, api.id(), api.org_id());
  collect.AddAllowlist(api.client_tls().allowlist(), "allowlist");
  collect.AddCertificates(api.upstream().client_certificates(), "client certificate");
  collect.AddPins(api.upstream().pins(), "pin");
  collect.AddAll(api.server_certificate_ids(), "server certificate");
  collect.AddBundles(api.upstream().tls());
  const v1::UpstreamCredential& credential = api.upstream().credential();
  for (const std::string* reference :
       {&credential.value_ref(), &credential.username_ref(), &credential.password_ref()})
    collect.Add(*reference, kCredentialUse);
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::Key& key) {
  Collector collect(Kind::kKey, key.id(), key.org_id());
  for (const auto& reference : key.certificate_ids()) {
    if (StableName(reference)) collect.Add(reference, "key");
  }
  collect.AddAll(key.bound_certificate_ids(), "binding");
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::GatewaySettings& settings) {
  static const std::string* const id = new std::string(kSettingsId);
  static const std::string* const org = new std::string;
  Collector collect(Kind::kSettings, *id, *org);
  collect.AddAllowlist(settings.client_allowlist(), "gateway allowlist");
  collect.AddAllowlist(settings.control_allowlist(), "control allowlist");
  collect.AddCertificates(settings.upstream_certificates(), "gateway client certificate");
  collect.AddPins(settings.pins(), "gateway pin");
  collect.AddAll(settings.server_certificate_ids(), "gateway server certificate");
  collect.AddBundles(settings.upstream_tls());
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::Listener& listener) {
  static const std::string* const org = new std::string;
  Collector collect(Kind::kListener, listener.id(), *org);
  collect.Add(listener.default_certificate_id(), "listener certificate");
  for (const auto& strict : listener.strict_client_tls()) collect.AddBundles(strict);
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::TrustBundle& bundle) {
  Collector collect(Kind::kTrustBundle, bundle.id(), bundle.org_id());
  collect.AddAll(bundle.certificate_ids(), "trust bundle");
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::KubeSecret& secret) {
  Collector collect(Kind::kSecret, secret.id(), secret.org_id());
  for (const auto& [key, id] : secret.certificate_ids()) {
    if (key != kPrivateKeyData) collect.Add(id, "secret");
  }
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::KubeConfigMap& config_map) {
  Collector collect(Kind::kConfigMap, config_map.id(), config_map.org_id());
  for (const auto& [key, id] : config_map.certificate_ids()) collect.Add(id, "config map");
  return collect.Take();
}

std::vector<UseItem> UsesOf(const v1::TokenIssuer& issuer) {
  Collector collect(Kind::kTokenIssuer, issuer.id(), issuer.org_id());
  collect.AddAll(issuer.jwks_trust_ids(), "token issuer trust");
  collect.AddAll(issuer.certificate_ids(), "token issuer key");
  return collect.Take();
}

std::vector<std::string> DataKeysOf(const Snapshot& snapshot, Kind kind, absl::string_view id,
                                    absl::string_view certificate_id) {
  std::vector<std::string> keys;
  const auto of = [&](const auto& data) {
    for (const auto& [key, held] : data.certificate_ids()) {
      if (!certificate_id.empty() && held != certificate_id) continue;
      keys.push_back(ReferenceKey(data.org_id(), DataReference(kind, id, key)));
    }
  };
  const SecretEntry* const secret = kind == Kind::kSecret ? snapshot.FindSecret(id) : nullptr;
  const ConfigMapEntry* const map = kind == Kind::kConfigMap ? snapshot.FindConfigMap(id) : nullptr;
  if (secret != nullptr) of(secret->secret);
  if (secret != nullptr && certificate_id.empty()) {
    for (const auto& [key, sealed] : secret->secret.sealed_data())
      keys.push_back(ReferenceKey(secret->secret.org_id(), DataReference(kind, id, key)));
  }
  if (map != nullptr) of(map->config_map);
  return keys;
}

std::vector<UseItem> UsesOf(const v1::DialectObject& object) {
  Collector collect(Kind::kDialectObject, object.id(), object.org_id());
  collect.AddAll(object.server_certificate_ids(), "server certificate");
  collect.AddAll(object.certificate_ids(), "object");
  return collect.Take();
}

std::string ReferenceKey(absl::string_view org, absl::string_view reference) {
  const auto name = StableName(reference);
  if (!name) return std::string(reference);
  return absl::StrCat(kNameKey, kBorder, org, kBorder, *name);
}

std::string BundleKey(absl::string_view bundle_id) {
  return absl::StrCat(kBundleKey, kBorder, bundle_id);
}

bool SplitNameKey(absl::string_view key, absl::string_view* org, absl::string_view* name) {
  if (!absl::ConsumePrefix(&key, kNameKey) || !absl::ConsumePrefix(&key, kBorder)) return false;
  const size_t border = key.find('\0');
  if (border == absl::string_view::npos) return false;
  *org = key.substr(0, border);
  *name = key.substr(border + 1);
  return true;
}

bool SplitBundleKey(absl::string_view key, absl::string_view* bundle_id) {
  if (!absl::ConsumePrefix(&key, kBundleKey) || !absl::ConsumePrefix(&key, kBorder)) return false;
  *bundle_id = key;
  return true;
}

bool IsSystemUse(absl::string_view how) {
  return how != "allowlist" && how != "gateway allowlist" && how != "key" && how != "binding" &&
         how != "secret" && how != "config map";
}

}  // namespace sallyport::authsvc
