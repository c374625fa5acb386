#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tls_versions.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_classic_fields.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc::dialects {

std::string WrongTarget(const std::string& url, bool http) {
  absl::string_view rest = url;
  for (const absl::string_view scheme :
       {"env://", "file://", "consul://", "vault://", "$secret_"}) {
    if (absl::StartsWithIgnoreCase(rest, scheme))
      return "references to values elsewhere are not taken";
  }
  size_t scheme = 0;
  for (const absl::string_view one : {"http://", "https://", "h2c://", "tcp://", "tls://"}) {
    const bool fits = http == (one[0] == 'h');
    if (fits && absl::StartsWithIgnoreCase(rest, one)) scheme = one.size();
  }
  if (scheme == 0)
    return http ? "must be an http://, https:// or h2c:// URL" : "must be a tcp:// or tls:// URL";
  rest.remove_prefix(scheme);
  const absl::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != absl::string_view::npos)
    return "must not hold a user name or password";
  if (rest.find('#') != absl::string_view::npos) return "must not have a fragment";
  for (char c : url) {
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) == 0x7F) {
      return "must not contain blanks or control characters";
    }
  }
  const auto host = domain::ParseHostPort(authority);
  if (!host.ok()) return std::string(host.status().message());
  if (!http && (host->port == 0 || authority.size() != rest.size()))
    return "must be a host and its port, nothing behind them";
  return "";
}

bool AnyTlsTarget(const v1::Upstream& upstream) {
  for (const v1::Target& target : upstream.targets()) {
    if (absl::StartsWithIgnoreCase(target.url(), "https://") ||
        absl::StartsWithIgnoreCase(target.url(), "tls://")) {
      return true;
    }
  }
  return false;
}

namespace {

// What goes to `add_targets`: of protocol tls and tcp in the case that it is compared in.
std::string TargetText(const std::string& url, bool http) {
  return http ? url : absl::AsciiStrToLower(url);
}

void Targets(const Fields& proxy, bool http, v1::Upstream* upstream) {
  if (!proxy.Flag("enable_load_balancing")) {
    const std::string url = proxy.Text("target_url");
    if (const std::string wrong = WrongTarget(url, http); !wrong.empty())
      proxy.Refuse("target_url", wrong);
    upstream->add_targets()->set_url(TargetText(url, http));
    return;
  }
  // Tyk gives a target more weight by naming it more than once.
  std::map<std::string, v1::Target*> seen;
  for (const std::string& url : proxy.Texts("target_list")) {
    if (const std::string wrong = WrongTarget(url, http); !wrong.empty())
      proxy.Refuse("target_list", wrong);
    v1::Target*& target = seen[url];
    if (target == nullptr) {
      target = upstream->add_targets();
      target->set_url(TargetText(url, http));
    }
    target->set_weight(target->weight() + 1);
  }
  if (upstream->targets_size() == 0) {
    proxy.Refuse("target_list", "is empty, but enable_load_balancing is true");
  }
}

void Transport(const Fields& proxy, v1::TransportTls* tls) {
  const Fields transport = proxy.Object("transport");
  transport.Check(ClassicTransportRules());
  tls->set_insecure_skip_verify(transport.Flag("ssl_insecure_skip_verify"));
  if (tls->insecure_skip_verify()) {
    transport.Warn("ssl_insecure_skip_verify",
                   "INSECURE: the upstream's certificate is not verified");
  }
  for (const std::string& cipher : transport.Texts("ssl_ciphers")) tls->add_ciphers(cipher);
  tls->set_force_common_name_check(transport.Flag("ssl_force_common_name_check"));
  TlsVersions(transport, "ssl_min_version", "ssl_max_version", TlsPeer::kUpstreamsOfOneApi, tls);
}

}  // namespace

void ClassicUpstream(const Fields& top, const Fields& proxy, References* references, v1::Api* api) {
  v1::Upstream* upstream = api->mutable_upstream();
  Targets(proxy, api->protocol().empty(), upstream);
  ClassicHealthChecks(top, proxy, upstream);
  upstream->set_preserve_host_header(proxy.Flag("preserve_host_header"));
  if (proxy.Object("service_discovery").Flag("use_discovery_service")) {
    proxy.Refuse("service_discovery", "service discovery does not exist here");
  }
  Transport(proxy, upstream->mutable_tls());

  references->ClientCertificates(top, "upstream_certificates",
                                 upstream->mutable_client_certificates());
  upstream->mutable_client_certificates()->set_disabled(top.Flag("upstream_certificates_disabled"));
  if (upstream->client_certificates().certificate_ids_size() != 0) {
    if (upstream->client_certificates().disabled()) {
      top.Warn("upstream_certificates", "has no effect: upstream_certificates_disabled is true");
    } else if (!AnyTlsTarget(*upstream)) {
      top.Warn("upstream_certificates",
               api->protocol().empty()
                   ? "no target is https: a certificate is never sent over plain http"
                   : "no target is tls: a certificate is never sent in clear");
    }
  }
  references->Pins(top, "pinned_public_keys", upstream->mutable_pins());
  upstream->mutable_pins()->set_disabled(top.Flag("certificate_pinning_disabled"));
  if (upstream->pins().pins_size() != 0 && upstream->pins().disabled()) {
    top.Warn("pinned_public_keys", "has no effect: certificate_pinning_disabled is true");
  }
}

}  // namespace sallyport::authsvc::dialects
