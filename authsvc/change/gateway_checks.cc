// Checks of settings, listeners and trust bundles, and the entry to all checks of puts.
#include <arpa/inet.h>
#include <openssl/x509.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/certificate_header_checks.h"
#include "authsvc/change/checks.h"
#include "authsvc/change/field_checks.h"
#include "authsvc/change/identity_checks.h"
#include "authsvc/change/invalid.h"
#include "authsvc/change/offered_tls_checks.h"
#include "authsvc/change/stream_checks.h"
#include "authsvc/change/strict_checks.h"
#include "authsvc/snapshot/resource.h"
#include "shared/crypto/openssl.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc {
namespace {

bool IsOneName(const std::string& der) {
  const crypto::ErrorScope errors;
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const unsigned char* const end = at + der.size();
  const crypto::UniqueX509Name name(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
  return name != nullptr && at == end;
}

absl::Status CheckRevoked(const v1::GatewaySettings& settings) {
  for (const auto& revoked : settings.revoked()) {
    const bool by_serial = !revoked.issuer_der().empty();
    if (!by_serial && !revoked.serial().empty()) return Invalid("revoked: a serial without issuer");
    if (by_serial && revoked.serial().empty()) return Invalid("revoked: an issuer without serial");
    if (by_serial && !IsOneName(revoked.issuer_der())) {
      return Invalid("revoked: issuer_der is not the DER of one X.509 name");
    }
    if (!by_serial && revoked.spki_sha256().empty() && revoked.tbs_sha256().empty()) {
      return Invalid("revoked: an entry that names nothing");
    }
    for (const std::string* digest : {&revoked.spki_sha256(), &revoked.tbs_sha256()}) {
      if (!digest->empty() && digest->size() != sizeof(Digest)) {
        return Invalid("revoked: a hash has 32 bytes");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckExpiryMonitor(const v1::ExpiryMonitor& monitor) {
  constexpr uint32_t kMostDays = 3650, kMostSeconds = 30 * 24 * 3600;
  if (monitor.warning_days() > kMostDays)
    return Invalid("expiry_monitor: warning_days is over ", kMostDays);
  if (monitor.cooldown_seconds() > kMostSeconds)
    return Invalid("expiry_monitor: cooldown_seconds is over ", kMostSeconds);
  return absl::OkStatus();
}

bool IsAddress(const std::string& text) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// Handshakes without a server name count as this one: a name that a client could have sent.
absl::Status CheckFallbackName(const CheckContext& context, const v1::Listener& listener,
                               Warnings* warnings) {
  const std::string& name = listener.fallback_server_name();
  if (name.empty()) return absl::OkStatus();
  if (listener.plain()) return Invalid("fallback_server_name: a plain listener has no handshakes");
  const auto host = domain::ParseHost(name);
  if (!host.ok() || host->is_ip || absl::StrContains(name, "*"))
    return Invalid("fallback_server_name: `", name, "` is not a host name");
  const size_t dot = host->name.find('.');
  const bool served = !context.after.ServerCertificates(host->name).empty() ||
                      (dot != std::string::npos &&
                       !context.after.ServerCertificates("*" + host->name.substr(dot)).empty());
  if (!served && listener.default_certificate_id().empty()) {
    warnings->push_back(
        absl::StrCat("pending: fallback_server_name: no certificate of the store "
                     "serves ",
                     host->name));
  }
  return absl::OkStatus();
}

constexpr char kDropped[] =
    "the gateway's TLS versions leave none with the listener's: its own alone hold there";

// What a change of the gateway's TLS versions does to listeners that are there.
void WarnOfVersions(const CheckContext& context, const v1::GatewaySettings& settings,
                    Warnings* warnings) {
  context.after.ForEachListener([&](const ListenerEntry& entry) {
    const v1::Listener& listener = entry.listener;
    if (listener.plain()) return true;
    if (VersionsOf(listener, settings).gateway_dropped)
      warnings->push_back(absl::StrCat("listener ", listener.id(), ": ", kDropped));
    if (const auto status = CheckServerNameTls(listener, settings); !status.ok())
      warnings->push_back(absl::StrCat("listener ", listener.id(), ": ", status.message()));
    return true;
  });
}

}  // namespace

absl::Status CheckSettings(const CheckContext& context, const v1::GatewaySettings& settings,
                           Warnings* warnings) {
  if (settings.id() != kSettingsId) return Invalid("the id of GatewaySettings is always gateway");
  absl::Status status = CheckUpstreamMaps(context, "gateway ", "", settings.upstream_certificates(),
                                          settings.pins(), settings.upstream_tls(), warnings);
  if (status.ok())
    status = CheckTlsVersions(settings.server_min_version(), settings.server_max_version());
  if (status.ok()) WarnOfVersions(context, settings, warnings);
  if (status.ok()) status = CheckExpiryMonitor(settings.expiry_monitor());
  if (status.ok()) status = CheckAddressBlocks("trusted_proxies", settings.trusted_proxies());
  if (status.ok()) status = CheckCertificateHeaders(settings, warnings);
  if (status.ok()) status = CheckRevoked(settings);
  if (status.ok())
    status = CheckIdentityForwarding(context, settings.identity_forwarding(), "", warnings);
  if (!status.ok()) return status;
  if (settings.control_requires_certificate() && settings.control_allowlist().empty()) {
    return Invalid("control_requires_certificate is on and control_allowlist is empty");
  }
  const SettingsEntry& entry = context.after.settings();
  status = CheckAllowlist(context, "gateway allowlist", "", settings.client_allowlist(),
                          entry.client_allowlist, warnings);
  if (!status.ok()) return status;
  status = CheckAllowlist(context, "control allowlist", "", settings.control_allowlist(),
                          entry.control_allowlist, warnings);
  for (const std::string& id : settings.server_certificate_ids()) {
    if (!status.ok()) break;
    status =
        CheckReference(context, "gateway server certificate", "", id, Need::kPrivateKey, warnings);
  }
  return status;
}

absl::Status CheckListener(const CheckContext& context, const v1::Listener& listener,
                           Warnings* warnings) {
  if (auto status = CheckId("listener", listener.id()); !status.ok()) return status;
  if (!IsAddress(listener.address())) {
    return Invalid("listener address `", listener.address(), "` is not an IPv4 or IPv6 address");
  }
  if (listener.port() == 0 || listener.port() > 65535) {
    return Invalid("listener port ", listener.port(), " is not 1 to 65535");
  }
  absl::Status status = CheckTlsVersions(listener.min_version(), listener.max_version());
  if (status.ok()) status = CheckStyle(listener.style());
  if (status.ok()) {
    status = CheckAddressBlocks("proxy_protocol_from", listener.proxy_protocol_from());
  }
  if (!status.ok()) return status;
  if (listener.plain() && listener.http2()) {
    return Invalid("http2 is agreed on by TLS: a plain listener cannot offer it");
  }
  if (listener.redirect() && !listener.plain()) {
    return Invalid("redirect is for a plain listener: a TLS one has nothing to redirect to");
  }
  const std::string& certificate = listener.default_certificate_id();
  if (listener.plain() && !certificate.empty()) {
    return Invalid("a plain listener has no use for a certificate");
  }
  if (status = CheckFallbackName(context, listener, warnings); !status.ok()) return status;
  if (status = CheckStrictClientTls(context, listener, warnings); !status.ok()) return status;
  const v1::GatewaySettings& gateway = context.after.settings().settings;
  if (status = CheckServerNameTls(listener, gateway); !status.ok()) return status;
  if (!listener.plain() && VersionsOf(listener, gateway).gateway_dropped)
    warnings->push_back(kDropped);
  std::string other;
  context.after.ForEachListener([&](const ListenerEntry& entry) {
    if (entry.listener.id() != listener.id() && entry.listener.port() == listener.port() &&
        entry.listener.address() == listener.address()) {
      other = entry.listener.id();
    }
    return other.empty();
  });
  if (!other.empty()) {
    return absl::AlreadyExistsError(absl::StrCat("listener ", other, " has this address and port"));
  }
  if (status = CheckPort(context, listener); !status.ok()) return status;
  if (certificate.empty()) return absl::OkStatus();
  return CheckReference(context, "listener certificate", "", certificate, Need::kPrivateKey,
                        warnings);
}

absl::Status CheckTrustBundle(const CheckContext& context, const v1::TrustBundle& bundle,
                              Warnings* warnings) {
  absl::Status status = CheckId("trust bundle", bundle.id());
  if (status.ok()) status = CheckOrg(bundle.org_id());
  if (status.ok() && bundle.certificate_ids().empty()) {
    status = Invalid("a trust bundle without certificates");
  }
  for (const std::string& id : bundle.certificate_ids()) {
    if (!status.ok()) return status;
    if (id.empty()) return Invalid("a trust bundle with an empty id");
    status = CheckReference(context, "trust bundle", bundle.org_id(), id, Need::kPublic, warnings);
    const auto* entry = context.after.FindCertificate(bundle.org_id(), id);
    if (entry != nullptr && entry->is_public_key) {
      return Invalid("a bare public key cannot be in a trust bundle: ", id);
    }
  }
  return status;
}

namespace {

absl::Status CheckDialectObject(const CheckContext& context, const v1::DialectObject& object,
                                Warnings* warnings) {
  absl::Status status = CheckId("object", object.id());
  if (status.ok()) status = CheckOrg(object.org_id());
  for (const std::string& id : object.server_certificate_ids()) {
    if (!status.ok()) return status;
    status = CheckReference(context, "server certificate", object.org_id(), id, Need::kPrivateKey,
                            warnings);
  }
  return status;
}

}  // namespace

absl::Status CheckResource(const CheckContext& context, const v1::Resource& resource,
                           Warnings* warnings) {
  switch (resource.body_case()) {
    case v1::Resource::kCertificate:
      return CheckCertificate(context, resource.certificate(), warnings);
    case v1::Resource::kApi: return CheckApi(context, resource.api(), warnings);
    case v1::Resource::kKey: return CheckKey(context, resource.key(), warnings);
    case v1::Resource::kPolicy: return CheckPolicy(context, resource.policy(), warnings);
    case v1::Resource::kSettings: return CheckSettings(context, resource.settings(), warnings);
    case v1::Resource::kListener: return CheckListener(context, resource.listener(), warnings);
    case v1::Resource::kTrustBundle:
      return CheckTrustBundle(context, resource.trust_bundle(), warnings);
    case v1::Resource::kSecret: return CheckSecret(resource.secret());
    case v1::Resource::kConfigMap: return CheckConfigMap(resource.config_map());
    case v1::Resource::kTokenIssuer:
      return CheckTokenIssuer(context, resource.token_issuer(), warnings);
    case v1::Resource::kDialectObject:
      return CheckDialectObject(context, resource.dialect_object(), warnings);
    case v1::Resource::BODY_NOT_SET: break;
  }
  return Invalid("a resource without body");
}

}  // namespace sallyport::authsvc
