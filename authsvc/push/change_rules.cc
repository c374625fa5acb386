#include "authsvc/push/change_rules.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "authsvc/push/new_denials.h"
#include "authsvc/push/route_of.h"
#include "authsvc/push/served_versions.h"
#include "authsvc/snapshot/insecure.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot.h"
#include "sallyport/v1/distribution.pb.h"
#include "shared/base/text.h"

namespace sallyport::authsvc {
namespace {

constexpr size_t kMostDeniedBytes = 4 << 20;  // a data plane takes an update of 16 MB

absl::string_view View(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// Collects by tag, so that a tag is sent once however many reasons there are.
class Evictions {
 public:
  void Redecide(std::string tag) { by_tag_[std::move(tag)]; }
  // Whose last decision carries the tag.
  void Sever(std::string tag) { by_tag_[std::move(tag)].sever = true; }
  void SeverLeaf(std::string tag, std::string leaf_hex) {
    Item& item = by_tag_[std::move(tag)];
    item.sever = true;
    item.leaves.insert(std::move(leaf_hex));
  }
  void SeverKey(std::string tag, std::string key_id) {
    Item& item = by_tag_[std::move(tag)];
    item.sever = true;
    item.keys.insert(std::move(key_id));
  }
  // Whoever presented a certificate that this names. No decision carries the tag.
  void SeverDenied(const v1::RevokedCertificate& denied) {
    Item& item = by_tag_["denied"];
    item.sever = true;
    item.denied.push_back(denied);
  }
  void MoveTo(std::vector<v1::Eviction>* out) {
    for (auto& [tag, item] : by_tag_) {
      v1::Eviction& eviction = out->emplace_back();
      eviction.set_tag(tag);
      eviction.set_sever(item.sever);
      for (const std::string& leaf : item.leaves) eviction.add_leaf_sha256(leaf);
      for (const std::string& key : item.keys) eviction.add_key_ids(key);
      eviction.mutable_denied()->Add(item.denied.begin(), item.denied.end());
    }
  }

 private:
  struct Item {
    bool sever = false;
    std::set<std::string> leaves;
    std::set<std::string> keys;
    std::vector<v1::RevokedCertificate> denied;
  };
  std::map<std::string, Item> by_tag_;
};

class Rules {
 public:
  Rules(const Snapshot& before, const Snapshot& after, absl::Time now)
      : before_(before), after_(after), now_(now) {}

  ChangeRecord Run(const std::vector<SnapshotChange>& changes) {
    record_.base_revision = before_.revision();
    record_.revision = after_.revision();
    for (const SnapshotChange& change : changes) One(change);
    if (server_certificates_) {
      evictions_.Redecide("servers");
      record_.gateway =
          std::make_shared<v1::GatewayFacts>(GatewayFactsOf(after_, record_.revision));
    }
    evictions_.MoveTo(&record_.evictions);
    return std::move(record_);
  }

 private:
  void One(const SnapshotChange& change) {
    switch (change.kind) {
      case Kind::kCertificate: return Certificate(change.id);
      case Kind::kApi: return Api(change.id);
      case Kind::kKey: return Key(change.id);
      case Kind::kPolicy: return Policy(change.id);
      case Kind::kSettings: return Settings();
      case Kind::kListener: return Listener(change.id);
      case Kind::kTrustBundle: return TrustBundle(change.id);
      case Kind::kSecret:
      case Kind::kConfigMap: return Data(change.kind, change.id);
      case Kind::kTokenIssuer: return TokenIssuer(change.id);
      case Kind::kDialectObject: return DialectObject(change.id);
    }
  }

  // --- certificates
  void Certificate(const std::string& id) {
    const CertificateEntry* old = before_.FindCertificateById(id);
    const CertificateEntry* now = after_.FindCertificateById(id);
    const CertificateEntry* any = now != nullptr ? now : old;
    if (any == nullptr) return;
    const std::string leaf = base::Hex(View(any->fingerprint));
    evictions_.Redecide(absl::StrCat("leaf:", leaf));
    if (now == nullptr) {
      evictions_.SeverLeaf(absl::StrCat("cert:", id), leaf);
    } else {
      evictions_.Redecide(absl::StrCat("cert:", id));
    }
    const std::string org(any->org_id());
    Users(before_, org, id);
    Users(after_, org, id);
    // A stable name that came, went or moved speaks for whoever refers to it.
    if (old != nullptr) Name(before_, *old);
    if (now != nullptr) Name(after_, *now);
  }

  void Name(const Snapshot& snapshot, const CertificateEntry& entry) {
    if (entry.name.empty()) return;
    const std::string reference = absl::StrCat("name:", entry.name);
    evictions_.Redecide(absl::StrCat("cert:", reference));
    Users(snapshot, std::string(entry.org_id()), reference);
  }

  void Users(const Snapshot& snapshot, const std::string& org, const std::string& reference) {
    for (const CertificateUse& use : snapshot.WhoUses(org, reference)) {
      if (use.how.find("server certificate") != std::string::npos ||
          use.how == "listener certificate") {
        server_certificates_ = true;
      }
      if (use.kind == Kind::kApi) evictions_.Redecide(absl::StrCat("api:", use.id));
      if (use.kind == Kind::kKey) evictions_.Redecide(absl::StrCat("key:", use.id));
      if (use.kind == Kind::kSettings) evictions_.Redecide("settings");
      if (use.kind == Kind::kTrustBundle) TrustBundle(use.id);
      if (use.kind == Kind::kTokenIssuer) TokenIssuer(use.id);
    }
  }

  // Whoever came by a token of it, or was refused for want of an issuer.
  void TokenIssuer(const std::string& id) {
    evictions_.Redecide(absl::StrCat("issuer:", id));
    for (const Snapshot* snapshot : {&before_, &after_}) {
      if (const TokenIssuerEntry* entry = snapshot->FindTokenIssuer(id))
        evictions_.Redecide(absl::StrCat("issuers:", entry->issuer.org_id()));
    }
  }

  // A Secret or ConfigMap: its places speak for whoever refers to them.
  void Data(Kind kind, const std::string& id) {
    for (const Snapshot* snapshot : {&before_, &after_}) {
      const auto places = [&](const auto& data) {
        for (const auto& [key, certificate_id] : data.certificate_ids())
          Place(data.org_id(), DataReference(kind, id, key));
      };
      if (kind == Kind::kSecret) {
        const SecretEntry* const entry = snapshot->FindSecret(id);
        if (entry == nullptr) continue;
        places(entry->secret);
        for (const auto& [key, sealed] : entry->secret.sealed_data())
          Place(entry->secret.org_id(), DataReference(kind, id, key));
      } else if (const ConfigMapEntry* entry = snapshot->FindConfigMap(id)) {
        places(entry->config_map);
      }
    }
  }

  void Place(const std::string& org, const std::string& reference) {
    evictions_.Redecide(absl::StrCat("cert:", reference));
    Users(before_, org, reference);
    Users(after_, org, reference);
  }

  // --- APIs
  void Api(const std::string& id) {
    const ApiEntry* old = before_.FindApi(id);
    const ApiEntry* now = after_.FindApi(id);
    evictions_.Redecide(absl::StrCat("api:", id));
    if (old != nullptr && now == nullptr) evictions_.Sever(absl::StrCat("api:", id));
    if (old != nullptr && now != nullptr) SeverRemoved(old->allowlist, now->allowlist);
    if (ServerCertificatesDiffer(old, now)) server_certificates_ = true;
    RouteDelta delta;
    delta.api_id = id;
    if (old != nullptr) delta.before = AudienceOf(*old);
    if (now != nullptr) delta.after = AudienceOf(*now);
    if (!delta.before.present && !delta.after.present) return;
    if (delta.after.present) delta.route = std::make_shared<v1::Route>(RouteOf(after_, *now));
    record_.routes.push_back(std::move(delta));
  }

  static bool ServerCertificatesDiffer(const ApiEntry* old, const ApiEntry* now) {
    if (old == nullptr || now == nullptr) {
      const ApiEntry* any = old == nullptr ? now : old;
      return any != nullptr && any->api.server_certificate_ids_size() > 0;
    }
    const auto differ = [](const auto& a, const auto& b) {
      return !std::equal(a.begin(), a.end(), b.begin(), b.end());
    };
    const bool serves =
        old->api.server_certificate_ids_size() + now->api.server_certificate_ids_size() > 0;
    return differ(old->api.server_certificate_ids(), now->api.server_certificate_ids()) ||
           old->server_names != now->server_names ||
           (serves && (old->api.inactive() != now->api.inactive() ||
                       differ(old->api.groups(), now->api.groups())));
  }

  // Who was let in by an entry that is gone, or by a CA that is now listed for itself alone.
  void SeverRemoved(const Allowlist& old, const Allowlist& now) {
    for (const auto& [leaf, listed] : old.leaves) {
      if (now.FindLeaf(leaf) != nullptr) continue;
      evictions_.SeverLeaf(absl::StrCat("cert:", listed.certificate_id), base::Hex(View(leaf)));
    }
    for (const auto& [spki, listed] : old.public_keys) {
      if (now.FindPublicKey(spki) == nullptr)
        evictions_.Sever(absl::StrCat("cert:", listed.certificate_id));
    }
    const std::set<std::string> trusted(now.trust_certificate_ids.begin(),
                                        now.trust_certificate_ids.end());
    for (const std::string& id : old.trust_certificate_ids) {
      if (trusted.count(id) == 0) evictions_.Sever(absl::StrCat("cert:", id));
    }
  }

  // --- policies
  void Policy(const std::string& id) {
    const std::string tag = absl::StrCat("policy:", id);
    evictions_.Redecide(tag);
    const PolicyEntry* old = before_.FindPolicy(id);
    const PolicyEntry* now = after_.FindPolicy(id);
    const bool was = old != nullptr && !old->policy.inactive();
    if (was && (now == nullptr || now->policy.inactive())) evictions_.Sever(tag);
  }

  // --- keys
  bool Usable(const v1::Key& key) const {
    return !key.inactive() &&
           (key.expires_unix() == 0 || absl::FromUnixSeconds(key.expires_unix()) > now_);
  }

  void Key(const std::string& id) {
    const KeyEntry* old = before_.FindKey(id);
    const KeyEntry* now = after_.FindKey(id);
    const std::string tag = absl::StrCat("key:", id);
    evictions_.Redecide(tag);
    if (old != nullptr && (now == nullptr || !Usable(now->key))) evictions_.SeverKey(tag, id);
    const std::set<std::string> was =
        old == nullptr ? std::set<std::string>{} : Leaves(before_, old->key);
    const std::set<std::string> is =
        now == nullptr ? std::set<std::string>{} : Leaves(after_, now->key);
    for (const std::string& leaf : was) {
      evictions_.Redecide(absl::StrCat("leaf:", leaf));
      if (is.count(leaf) == 0) evictions_.SeverLeaf(absl::StrCat("leaf:", leaf), leaf);
    }
    for (const std::string& leaf : is) evictions_.Redecide(absl::StrCat("leaf:", leaf));
    Tokens(old);
    Tokens(now);
  }

  void Tokens(const KeyEntry* entry) {
    if (entry == nullptr) return;
    if (entry->key.has_basic_login()) {
      evictions_.Redecide(
          absl::StrCat("login:", entry->key.org_id(), ":", entry->key.basic_login().username()));
    }
    for (const std::string& hash : entry->key.token_sha256()) {
      evictions_.Redecide(absl::StrCat("token:", base::Hex(hash)));
    }
  }

  // Fingerprints of the certificates that are this key.
  static std::set<std::string> Leaves(const Snapshot& snapshot, const v1::Key& key) {
    std::set<std::string> leaves;
    for (const std::string& reference : key.certificate_ids()) {
      const CertificateEntry* entry = snapshot.FindCertificate(key.org_id(), reference);
      if (entry != nullptr) {
        leaves.insert(base::Hex(View(entry->fingerprint)));
      } else if (reference.size() >= 64 && base::IsHex(reference.substr(reference.size() - 64))) {
        leaves.insert(
            reference.substr(reference.size() - 64));  // an id names its leaf also when it is gone
      }
    }
    return leaves;
  }

  // --- the rest
  void Settings() {
    const SettingsEntry& old = before_.settings();
    const SettingsEntry& now = after_.settings();
    evictions_.Redecide("settings");
    SeverRemoved(old.client_allowlist, now.client_allowlist);
    SeverRevoked();
    const bool servers = !std::equal(
        old.settings.server_certificate_ids().begin(), old.settings.server_certificate_ids().end(),
        now.settings.server_certificate_ids().begin(), now.settings.server_certificate_ids().end());
    const bool proxies =
        !std::equal(old.settings.trusted_proxies().begin(), old.settings.trusted_proxies().end(),
                    now.settings.trusted_proxies().begin(), now.settings.trusted_proxies().end());
    const auto& told = old.settings.client_certificate_headers();
    const auto& tells = now.settings.client_certificate_headers();
    const bool headers = !std::equal(told.begin(), told.end(), tells.begin(), tells.end());
    const bool insecure = InsecureSettings(old.settings) != InsecureSettings(now.settings);
    const bool versions = old.settings.server_min_version() != now.settings.server_min_version() ||
                          old.settings.server_max_version() != now.settings.server_max_version();
    if (servers || proxies || headers || insecure || versions) server_certificates_ = true;
    if (!SameList(old.client_allowlist, now.client_allowlist)) Announced();
    if (old.settings.upstream_http2() != now.settings.upstream_http2()) Spoken();
    if (!google::protobuf::util::MessageDifferencer::Equals(old.settings.identity_forwarding(),
                                                            now.settings.identity_forwarding())) {
      IdentityForwarded();
    }
  }

  static bool SameList(const Allowlist& a, const Allowlist& b) {
    return a.trust_certificate_ids == b.trust_certificate_ids;
  }

  // Routes that announce CAs carry the gateway's list as well.
  void Announced() {
    after_.ForEachApi([this](const ApiEntry& entry) {
      if (entry.api.client_tls().announce_client_cas()) Api(entry.api.id());
      return true;
    });
  }

  // Routes of APIs that name no upstream protocol have the gateway's.
  void Spoken() {
    after_.ForEachApi([this](const ApiEntry& entry) {
      if (entry.api.upstream().protocol().empty()) Api(entry.api.id());
      return true;
    });
  }

  // Routes of APIs that do not say what their upstream is told of callers have the gateway's word.
  void IdentityForwarded() {
    after_.ForEachApi([this](const ApiEntry& entry) {
      if (!entry.api.has_identity_forwarding()) Api(entry.api.id());
      return true;
    });
  }

  // New deny-list entries: whoever presented a certificate that they name loses its connections,
  // and so does whoever was let in by a stored one. More than fit into one change: everybody does,
  // and is decided anew.
  void SeverRevoked() {
    const NewDenials denied(before_.settings().settings, after_.settings().settings);
    if (denied.empty()) return;
    size_t bytes = 0;
    for (const v1::RevokedCertificate& item : denied.items()) bytes += item.ByteSizeLong();
    if (bytes > kMostDeniedBytes) return evictions_.Sever("settings");
    for (const v1::RevokedCertificate& item : denied.items()) evictions_.SeverDenied(item);
    after_.ForEachCertificate([&](const CertificateEntry& entry) {
      if (!denied.Names(entry)) return true;
      evictions_.SeverLeaf(absl::StrCat("cert:", entry.id), base::Hex(View(entry.fingerprint)));
      return true;
    });
  }

  void Listener(const std::string& id) {
    const ListenerEntry* now = after_.FindListener(id);
    ListenerDelta delta;
    delta.id = id;
    if (now != nullptr) delta.listener = std::make_shared<v1::Listener>(now->listener);
    record_.listeners.push_back(std::move(delta));
    evictions_.Redecide(absl::StrCat("listener:", id));
    server_certificates_ = true;
  }

  // Of its own it means what its certificates serve.
  void DialectObject(const std::string& id) {
    const auto serves = [&id](const Snapshot& snapshot) {
      const DialectObjectEntry* const entry = snapshot.FindDialectObject(id);
      std::vector<std::string> all;
      if (entry == nullptr) return all;
      all.assign(entry->object.server_names().begin(), entry->object.server_names().end());
      all.insert(all.end(), entry->object.server_certificate_ids().begin(),
                 entry->object.server_certificate_ids().end());
      // Of several that serve a name the one written last holds.
      if (!all.empty()) all.push_back(std::to_string(entry->revision));
      return all;
    };
    if (serves(before_) != serves(after_)) server_certificates_ = true;
    if (!served_versions_ && ServedVersionsDiffer(before_, after_, id)) {
      served_versions_ = true;
      record_.listeners.push_back({std::string(kServedVersionsId), ServedVersions(after_)});
    }
  }

  void TrustBundle(const std::string& id) {
    evictions_.Redecide(absl::StrCat("trust:", id));
    const auto uses = [&id](const v1::TransportTls& tls) {
      const auto& ids = tls.trust_bundle_ids();
      return std::find(ids.begin(), ids.end(), id) != ids.end();
    };
    if (uses(after_.settings().settings.upstream_tls())) evictions_.Redecide("settings");
    after_.ForEachApi([&](const ApiEntry& entry) {
      if (uses(entry.api.upstream().tls()))
        evictions_.Redecide(absl::StrCat("api:", entry.api.id()));
      return true;
    });
  }

  const Snapshot& before_;
  const Snapshot& after_;
  const absl::Time now_;
  ChangeRecord record_;
  Evictions evictions_;
  bool server_certificates_ = false;
  bool served_versions_ = false;
};

}  // namespace

ChangeRecord RecordOf(const Snapshot& before, const Snapshot& after,
                      const std::vector<SnapshotChange>& changes, absl::Time now) {
  return Rules(before, after, now).Run(changes);
}

}  // namespace sallyport::authsvc
