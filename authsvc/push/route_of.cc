#include "authsvc/push/route_of.h"

#include <set>

#include "absl/strings/ascii.h"
#include "authsvc/snapshot/forward_proxy.h"
#include "authsvc/snapshot/identity_forwarding.h"
#include "authsvc/snapshot/insecure.h"
#include "authsvc/snapshot/snapshot.h"
#include "shared/crypto/certificate.h"

namespace sallyport::authsvc {
namespace {

void AddAuthorityNames(const Snapshot& snapshot, const Allowlist& list,
                       std::set<std::string>* names) {
  for (const std::string& id : list.trust_certificate_ids) {
    const CertificateEntry* entry = snapshot.FindCertificateById(id);
    if (entry == nullptr) continue;
    const auto chain = entry->Chain();
    if (chain.ok() && !chain->empty()) names->insert(chain->front()->subject_der);
  }
}

void AddAnnouncedAuthorities(const Snapshot& snapshot, const ApiEntry& entry, v1::Route* route) {
  std::set<std::string> names;
  AddAuthorityNames(snapshot, entry.allowlist, &names);
  AddAuthorityNames(snapshot, snapshot.settings().client_allowlist, &names);
  for (const std::string& name : names) route->add_client_ca_names(name);
}

void CopyRouting(const v1::Api& api, v1::Route* route) {
  route->set_api_id(api.id());
  route->set_org_id(api.org_id());
  route->set_name(api.name());
  route->set_style(api.style());
  *route->mutable_hosts() = api.hosts();
  route->set_listen_path(api.listen_path());
  route->set_loose_prefix(api.loose_prefix());
  route->set_strip_listen_path(api.strip_listen_path());
  route->set_listen_port(api.listen_port());
  route->set_protocol(api.protocol());
  route->set_proxy_protocol(api.proxy_protocol());
  route->set_allow_plain_http(api.allow_plain_http());
  if (api.has_matching()) *route->mutable_matching() = api.matching();
  if (api.has_versioning()) *route->mutable_versioning() = api.versioning();
  *route->mutable_versions() = api.versions();
  if (api.has_ip()) *route->mutable_ip() = api.ip();
  if (api.has_cors()) *route->mutable_cors() = api.cors();
  route->set_script_config_json(api.script_config_json());
}

void CopyAuthentication(const v1::Api& api, v1::Route* route) {
  route->set_static_mtls(api.client_tls().static_mtls());
  route->set_dynamic_mtls(api.client_tls().dynamic_mtls());
  route->set_announce_client_cas(api.client_tls().announce_client_cas());
  if (api.has_token()) *route->mutable_token() = api.token();
  route->set_keyless(api.keyless());
  *route->mutable_jwts() = api.jwts();
  if (api.has_basic()) *route->mutable_basic() = api.basic();
}

void CopyIdentity(const v1::Api& api, const v1::GatewaySettings& gateway, v1::Route* route) {
  route->set_identity_header(api.identity_header());
  if (api.has_identity_forwarding() || gateway.has_identity_forwarding())
    *route->mutable_identity_forwarding() = IdentityForwardingOf(api, gateway);
}

void CopyUpstream(const v1::Api& api, const v1::GatewaySettings& gateway, v1::Route* route) {
  *route->mutable_targets() = api.upstream().targets();
  route->set_preserve_host_header(api.upstream().preserve_host_header());
  route->set_upstream_host(api.upstream().host_header());
  const v1::Upstream& upstream = api.upstream();
  if (upstream.has_timeouts()) *route->mutable_timeouts() = upstream.timeouts();
  if (upstream.has_balancing()) *route->mutable_balancing() = upstream.balancing();
  if (upstream.has_retries()) *route->mutable_retries() = upstream.retries();
  if (upstream.has_ejection()) *route->mutable_ejection() = upstream.ejection();
  if (upstream.has_health_check()) *route->mutable_health_check() = upstream.health_check();
  if (upstream.has_limits()) *route->mutable_upstream_limits() = upstream.limits();
  const bool gateways = upstream.protocol().empty() && gateway.upstream_http2();
  route->set_upstream_protocol(gateways ? "auto" : upstream.protocol());
  if (upstream.has_forward_proxy()) {
    // What could not be read stays there: the targets must not be taken for ones without a proxy.
    const auto proxy = ParseProxyUrl(upstream.forward_proxy().url());
    route->set_forward_proxy(proxy.ok() ? ProxyAuthority(*proxy) : "unreadable");
  }
  route->set_upstream_credential(upstream.has_credential());
  if (api.has_limits()) *route->mutable_limits() = api.limits();
  route->set_disable_rate_limit(api.disable_rate_limit());
  route->set_disable_quota(api.disable_quota());
}

}  // namespace

::sallyport::v1::Route RouteOf(const Snapshot& snapshot, const ApiEntry& entry) {
  v1::Route route;
  CopyRouting(entry.api, &route);
  CopyAuthentication(entry.api, &route);
  CopyIdentity(entry.api, snapshot.settings().settings, &route);
  CopyUpstream(entry.api, snapshot.settings().settings, &route);
  if (route.announce_client_cas()) AddAnnouncedAuthorities(snapshot, entry, &route);
  for (const std::string& name : entry.server_names) route.add_server_names(name);
  for (const std::string& setting : InsecureSettings(entry.api))
    route.add_insecure_settings(setting);
  return route;
}

Audience AudienceOf(const ApiEntry& entry) {
  Audience audience;
  audience.present = !entry.api.inactive();
  audience.groups.assign(entry.api.groups().begin(), entry.api.groups().end());
  return audience;
}

::sallyport::v1::GatewayFacts GatewayFactsOf(const Snapshot& snapshot,
                                             uint64_t server_certificates_version) {
  v1::GatewayFacts facts;
  *facts.mutable_trusted_proxies() = snapshot.settings().settings.trusted_proxies();
  facts.set_server_certificates_version(server_certificates_version);
  for (const std::string& setting : InsecureSettings(snapshot.settings().settings))
    facts.add_insecure_settings(setting);
  for (const std::string& name : snapshot.settings().settings.client_certificate_headers())
    facts.add_client_certificate_headers(absl::AsciiStrToLower(name));
  facts.set_server_min_version(snapshot.settings().settings.server_min_version());
  facts.set_server_max_version(snapshot.settings().settings.server_max_version());
  return facts;
}

}  // namespace sallyport::authsvc
