#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "authsvc/resolve/choose.h"
#include "authsvc/resolve/pins.h"
#include "authsvc/resolve/resolve.h"
#include "authsvc/resolve/settings_hash.h"
#include "authsvc/resolve/visible.h"
#include "authsvc/snapshot/forward_proxy.h"
#include "authsvc/snapshot/resource.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/base/reason.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

constexpr absl::Duration kUpstreamTtl = absl::Seconds(60);
constexpr absl::Duration kNoUpstreamTtl = absl::Seconds(5);

// One answer under way. A step that returns false has made it a refusal.
class UpstreamResolver {
 public:
  UpstreamResolver(const Snapshot& snapshot, const v1::ResolveUpstreamRequest& request,
                   absl::Time now, const KeyOpener& open, const ResolveScope& scope)
      : snapshot_(snapshot), request_(request), now_(now), open_(open), scope_(scope) {}

  v1::ResolveUpstreamResponse Run() {
    answer_.set_revision(snapshot_.revision());
    const bool usable = FindApi() && ReadTarget() && AddProxy() && AddCredential() &&
                        (!request_.tls() || (AddCertificate() && AddPins() && AddTls()));
    if (!usable) Clear();
    SetTime(usable);
    answer_.set_settings_hash(SettingsHash(answer_, SealedPassword()));
    return std::move(answer_);
  }

 private:
  [[nodiscard]] absl::string_view SealedPassword() const {
    if (api_ == nullptr) return {};
    return api_->api.upstream().forward_proxy().sealed_password().ciphertext();
  }
  bool Refuse(std::string detail) {
    answer_.set_detail(std::move(detail));
    return false;
  }
  void Tag(absl::string_view kind, absl::string_view id) {
    std::string tag = absl::StrCat(kind, id);
    const auto& tags = answer_.tags();
    if (std::find(tags.begin(), tags.end(), tag) == tags.end()) answer_.add_tags(std::move(tag));
  }

  bool FindApi() {
    Tag("api:", request_.api_id());
    Tag("settings", "");
    const ApiEntry* found = snapshot_.FindApi(request_.api_id());
    if (found == nullptr || found->api.inactive() || !IsVisible(found->api, scope_.group)) {
      return Refuse(absl::StrCat("API ", request_.api_id(), " is not there"));
    }
    api_ = found;
    return true;
  }

  bool ReadTarget() {
    auto host = domain::ParseHost(request_.host());
    if (!host.ok()) return Refuse(absl::StrCat("target host: ", host.status().message()));
    if (request_.port() > UINT16_MAX) return Refuse("target port is over 65535");
    host_ = std::move(host->name);
    target_.host = host_;
    target_.port = static_cast<uint16_t>(request_.port() != 0 ? request_.port()
                                         : request_.tls()     ? 443
                                                              : 80);
    return true;
  }

  // Names of the API's map are its organisation's; those of the gateway belong to none.
  [[nodiscard]] absl::string_view OrgOf(MapLevel level) const {
    return level == MapLevel::kApi ? absl::string_view(api_->api.org_id()) : absl::string_view();
  }

  bool AddCertificate() {
    const Chosen<std::string> chosen =
        ChooseClientCertificate(*api_, snapshot_.settings(), target_);
    if (chosen.value == nullptr) return true;
    const std::string where = absl::StrCat("client certificate of \"", chosen.key, "\" in the ",
                                           MapLevelName(chosen.level));
    Tag("cert:", *chosen.value);
    const CertificateEntry* const entry =
        snapshot_.FindCertificate(OrgOf(chosen.level), *chosen.value);
    if (entry == nullptr) return Refuse(absl::StrCat(where, " is not there yet: ", *chosen.value));
    Tag("cert:", entry->id);
    if (!MayUse(OrgOf(chosen.level), entry->org_id()))
      return Refuse(absl::StrCat(where, " belongs to another organisation: ", entry->id));
    if (!entry->has_private_key())
      return Refuse(absl::StrCat(where, " has no private key: ", entry->id));
    if (!snapshot_.GivesPrivateKey(OrgOf(chosen.level), *chosen.value))
      return Refuse(absl::StrCat(where, " did not bring the private key: ", *chosen.value));
    if (entry->ExpiredAt(now_)) return Refuse(absl::StrCat(where, " has expired: ", entry->id));
    if (now_ < absl::FromUnixSeconds(entry->not_before_unix)) {
      not_yet_ = absl::FromUnixSeconds(entry->not_before_unix);
      return Refuse(absl::StrCat(where, " is not yet valid: ", entry->id));
    }
    return AddChainAndKey(*entry, where);
  }

  bool AddChainAndKey(const CertificateEntry& entry, absl::string_view where) {
    for (absl::string_view der : entry.ChainDer()) answer_.add_client_chain_der(std::string(der));
    if (answer_.client_chain_der().empty())
      return Refuse(absl::StrCat(where, " has no certificate: ", entry.id));
    answer_.set_certificate_id(entry.id);
    hard_expiry_ = absl::FromUnixSeconds(entry.not_after_unix);
    if (!scope_.with_private_key) return true;
    if (!open_) return Refuse(absl::StrCat(where, ": private keys cannot be opened here"));
    const absl::StatusOr<base::Secret> key = open_(entry);
    if (!key.ok())
      return Refuse(
          absl::StrCat(where, ": its private key cannot be opened: ", key.status().message()));
    if (key->empty()) return Refuse(absl::StrCat(where, ": its private key is empty"));
    answer_.set_client_key_der(std::string(key->Reveal()));
    return true;
  }

  bool AddPins() {
    const Chosen<v1::PinList> chosen = ChoosePins(*api_, snapshot_.settings(), target_);
    if (chosen.value == nullptr) return true;
    const v1::DomainPins& map = chosen.level == MapLevel::kApi
                                    ? api_->api.upstream().pins()
                                    : snapshot_.settings().settings.pins();
    ResolvedPins pins = ResolvePins(snapshot_, OrgOf(chosen.level), *chosen.value);
    for (const std::string& id : pins.certificate_ids) Tag("cert:", id);
    if (pins.spki_sha256.empty()) {
      return Refuse(absl::StrCat("no usable pin for \"", chosen.key, "\" in the ",
                                 MapLevelName(chosen.level), ": ",
                                 absl::StrJoin(pins.unusable, ", ")));
    }
    // The others still hold: one that is not there yet can only be missing from what is accepted.
    if (!pins.unusable.empty()) {
      answer_.set_detail(absl::StrCat("pins not usable yet: ", absl::StrJoin(pins.unusable, ", ")));
    }
    answer_.set_pinned(true);
    answer_.set_pin_report_only(map.report_only());
    answer_.set_pin_adds(map.add_to_ca_check());
    for (std::string& pin : pins.spki_sha256) answer_.add_pin_spki_sha256(std::move(pin));
    return true;
  }

  // Never "straight to the target" because the proxy cannot be used.
  bool AddProxy() {
    if (!api_->api.upstream().has_forward_proxy()) return true;
    const v1::ForwardProxy& proxy = api_->api.upstream().forward_proxy();
    const auto place = ParseProxyUrl(proxy.url());
    if (!place.ok()) return Refuse(absl::StrCat("forward proxy: ", place.status().message()));
    v1::ProxyGrant* const grant = answer_.mutable_proxy();
    grant->set_host(place->host.name);
    grant->set_port(place->port);
    grant->set_username(proxy.username());
    if (proxy.username().empty() || !scope_.with_private_key) return true;
    if (!scope_.open_password) return Refuse("forward proxy: its password cannot be opened here");
    const absl::StatusOr<base::Secret> password = scope_.open_password(api_->api);
    if (!password.ok())
      return Refuse(absl::StrCat("forward proxy: its password cannot be opened: ",
                                 password.status().message()));
    grant->set_password(std::string(password->Reveal()));
    return true;
  }

  // For the API's own targets alone: a rewrite or an override may lead elsewhere.
  bool AddCredential() {
    const v1::Upstream& upstream = api_->api.upstream();
    if (!upstream.has_credential() || !IsOwnTarget(upstream)) return true;
    v1::HeaderGrant* const grant = answer_.mutable_credential();
    grant->set_name(upstream.credential().header());
    if (!FindPlaces(upstream.credential())) return false;
    if (!scope_.with_private_key) return true;
    if (!scope_.open_credential) return Refuse("credential: its value cannot be opened here");
    const absl::StatusOr<base::Secret> value = scope_.open_credential(api_->api);
    if (!value.ok()) {
      return Refuse(
          absl::StrCat("credential: its value cannot be opened: ", value.status().message()));
    }
    grant->set_value(std::string(value->Reveal()));
    return true;
  }

  // Places of Secrets that its value stands in.
  bool FindPlaces(const v1::UpstreamCredential& credential) {
    for (const std::string* place :
         {&credential.value_ref(), &credential.username_ref(), &credential.password_ref()}) {
      if (place->empty()) continue;
      Tag("cert:", *place);
      if (snapshot_.FindSealed(api_->api.org_id(), *place).sealed == nullptr)
        return Refuse(absl::StrCat("credential: ", ReferenceText(*place), " is not there yet"));
    }
    return true;
  }

  [[nodiscard]] bool IsOwnTarget(const v1::Upstream& upstream) const {
    for (const v1::Target& target : upstream.targets()) {
      const absl::string_view url = target.url();
      const size_t host = url.find("://");
      if (host == absl::string_view::npos) continue;
      const absl::string_view rest = url.substr(host + 3);
      const bool tls = absl::StartsWith(url, "https:");
      const auto place = domain::ParseHostPort(rest.substr(0, rest.find_first_of("/?#")));
      if (!place.ok() || tls != request_.tls() || place->host.name != host_) continue;
      const uint16_t otherwise = tls ? 443 : 80;
      if ((place->port != 0 ? place->port : otherwise) == target_.port) return true;
    }
    return false;
  }

  bool AddTls() {
    const v1::TransportTls& own = api_->api.upstream().tls();
    const v1::TransportTls& gateway = snapshot_.settings().settings.upstream_tls();
    answer_.set_insecure_skip_verify(own.insecure_skip_verify() || gateway.insecure_skip_verify());
    answer_.set_common_name_check(own.force_common_name_check() ||
                                  gateway.force_common_name_check());
    answer_.set_min_version(own.min_version().empty() ? gateway.min_version() : own.min_version());
    answer_.set_max_version(own.max_version().empty() ? gateway.max_version() : own.max_version());
    *answer_.mutable_ciphers() = own.ciphers().empty() ? gateway.ciphers() : own.ciphers();
    answer_.set_server_name(own.server_name().empty() ? gateway.server_name() : own.server_name());
    return AddTrust(own, OrgOf(MapLevel::kApi)) && AddTrust(gateway, "");
  }

  bool AddTrust(const v1::TransportTls& tls, absl::string_view org) {
    for (const std::string& id : tls.trust_bundle_ids()) {
      const TrustBundleEntry* const bundle = snapshot_.FindTrustBundle(id);
      if (bundle == nullptr) return Refuse(absl::StrCat("trust bundle ", id, " is not there yet"));
      if (!MayUse(org, bundle->bundle.org_id()))
        return Refuse(absl::StrCat("trust bundle ", id, " belongs to another organisation"));
      for (const std::string& reference : bundle->bundle.certificate_ids()) {
        AddAnchors(bundle->bundle.org_id(), reference);
      }
    }
    return true;
  }

  // One that is missing, another organisation's or a bare key is left out: less is trusted, the
  // others stay usable.
  void AddAnchors(absl::string_view org, const std::string& reference) {
    Tag("cert:", reference);
    const CertificateEntry* const entry = snapshot_.FindCertificate(org, reference);
    if (entry == nullptr) return;
    Tag("cert:", entry->id);
    if (!MayUse(org, entry->org_id())) return;
    for (absl::string_view der : entry->ChainDer()) {
      const auto& have = answer_.trust_der();
      std::string bytes(der);
      if (std::find(have.begin(), have.end(), bytes) == have.end())
        answer_.add_trust_der(std::move(bytes));
    }
  }

  // A refusal carries nothing that could be used by mistake.
  void Clear() {
    base::Cleanse(answer_.mutable_client_key_der());
    if (answer_.has_proxy()) base::Cleanse(answer_.mutable_proxy()->mutable_password());
    if (answer_.has_credential()) base::Cleanse(answer_.mutable_credential()->mutable_value());
    v1::ResolveUpstreamResponse refusal;
    refusal.set_reason(static_cast<uint32_t>(base::Reason::kUpstreamCredential));
    refusal.set_detail(answer_.detail());
    refusal.set_revision(answer_.revision());
    *refusal.mutable_tags() = answer_.tags();
    answer_ = std::move(refusal);
  }

  void SetTime(bool usable) {
    const absl::Time end = usable ? std::min(now_ + kUpstreamTtl, hard_expiry_)
                                  : std::min(now_ + kNoUpstreamTtl, not_yet_);
    answer_.set_ttl_ms(std::max<int64_t>(0, absl::ToInt64Milliseconds(end - now_)));
    if (usable && hard_expiry_ != absl::InfiniteFuture()) {
      answer_.set_hard_expiry_unix_ms(absl::ToUnixMillis(hard_expiry_));
    }
  }

  const Snapshot& snapshot_;
  const v1::ResolveUpstreamRequest& request_;
  const absl::Time now_;
  const KeyOpener& open_;
  const ResolveScope& scope_;
  const ApiEntry* api_ = nullptr;
  std::string host_;
  Target target_;
  absl::Time hard_expiry_ = absl::InfiniteFuture();
  absl::Time not_yet_ = absl::InfiniteFuture();
  v1::ResolveUpstreamResponse answer_;
};

}  // namespace

v1::ResolveUpstreamResponse ResolveUpstream(const Snapshot& snapshot,
                                            const v1::ResolveUpstreamRequest& request,
                                            absl::Time now, const KeyOpener& open,
                                            const ResolveScope& scope) {
  return UpstreamResolver(snapshot, request, now, open, scope).Run();
}

}  // namespace sallyport::authsvc
