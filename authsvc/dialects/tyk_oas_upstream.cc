#include <re2/re2.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tls_versions.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_proxy_url.h"
#include "shared/domain/pattern.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr char kDomainPattern[] = R"(^([*a-zA-Z0-9-]+(\.[*a-zA-Z0-9-]+)*)(:\d+)?$)";

void OasTarget(const Fields& target, v1::Upstream* upstream) {
  target.Check(OasTargetRules());
  const std::string url = target.Text("url");
  const int64_t weight = target.Integer("weight", 1);
  if (const std::string wrong = WrongTarget(url, true); !wrong.empty()) target.Refuse("url", wrong);
  if (weight < 0 || weight > 1000) return target.Refuse("weight", "must be between 0 and 1000");
  if (weight == 0) return target.Warn("weight", "is 0: this target gets no request");
  v1::Target* out = upstream->add_targets();
  out->set_url(url);
  out->set_weight(static_cast<uint32_t>(weight));
}

void OasTargets(const Fields& object, v1::Upstream* upstream) {
  const Fields balancing = object.Object("loadBalancing");
  balancing.Check(OasBalancingRules());
  if (balancing.node() != nullptr && IsOn(balancing)) {
    const std::vector<Node>& items = balancing.List("targets");
    for (size_t i = 0; i < items.size(); ++i) {
      OasTarget(Fields(&items[i], ItemPath(balancing.PathOf("targets"), i), object.out()),
                upstream);
    }
    if (upstream->targets_size() == 0)
      balancing.Refuse("targets", "names no target with a weight, but enabled is true");
    return;
  }
  const std::string url = object.Text("url");
  if (const std::string wrong = WrongTarget(url, true); !wrong.empty()) object.Refuse("url", wrong);
  upstream->add_targets()->set_url(url);
}

void OasTransport(const Fields& upstream, v1::TransportTls* tls) {
  const Fields transport = upstream.Object("tlsTransport");
  transport.Check(OasTransportRules());
  tls->set_insecure_skip_verify(transport.Flag("insecureSkipVerify"));
  if (tls->insecure_skip_verify()) {
    transport.Warn("insecureSkipVerify", "INSECURE: the upstream's certificate is not verified");
  }
  for (const std::string& cipher : transport.Texts("ciphers")) tls->add_ciphers(cipher);
  tls->set_force_common_name_check(transport.Flag("forceCommonNameCheck"));
  TlsVersionTexts(transport, "minVersion", "maxVersion", TlsPeer::kUpstreamsOfOneApi, tls);
}

// The entries of a domain map; `take` gets each with a domain that is fine and new.
template <typename Take>
void EachDomain(const Fields& object, absl::string_view name, const ObjectRules& rules, Take take) {
  std::set<std::string> seen;
  const std::vector<Node>& items = object.List(name);
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields entry(&items[i], ItemPath(object.PathOf(name), i), object.out());
    entry.Check(rules);
    if (entry.node() == nullptr) continue;
    const std::string domain = entry.Text("domain");
    const Node* at = entry.Has("domain") ? entry.Get("domain") : entry.node();
    if (!OasDomain(domain, entry.PathOf("domain"), *at, object.out())) continue;
    if (!seen.insert(domain).second)
      entry.Refuse("domain", absl::StrCat("\"", domain, "\" is listed twice"));
    take(entry, domain);
  }
}

void OasUpstreamCertificates(const Fields& upstream, References* references, v1::Upstream* out) {
  constexpr absl::string_view kMapping = "domainToCertificateMapping";
  const Fields mtls = upstream.Object("mutualTLS");
  mtls.Check(OasMutualTlsRules());
  if (mtls.node() == nullptr) return;
  const bool on = IsOn(mtls);
  v1::DomainCertificates* map = out->mutable_client_certificates();
  EachDomain(mtls, kMapping, OasCertificateMappingRules(),
             [&](const Fields& entry, const std::string& domain) {
               const Node* at = entry.Has("certificate") ? entry.Get("certificate") : entry.node();
               const std::string id = references->Take(entry.Text("certificate"),
                                                       entry.PathOf("certificate"), *at, true);
               if (!id.empty()) (*map->mutable_certificate_ids())[domain] = id;
             });
  map->set_disabled(!on);
  if (on && mtls.List(kMapping).empty())
    mtls.Refuse(kMapping, "names no certificate, but enabled is true");
  if (map->certificate_ids_size() == 0) return;
  if (!on) return mtls.Warn(kMapping, "has no effect: enabled is false");
  if (!AnyTlsTarget(*out))
    mtls.Warn(kMapping, "no target is https: a certificate is never sent over plain http");
}

void OasPins(const Fields& upstream, References* references, v1::Upstream* out) {
  constexpr absl::string_view kMapping = "domainToPublicKeysMapping";
  const Fields pinning = upstream.Object("certificatePinning");
  pinning.Check(OasPinningRules());
  if (pinning.node() == nullptr) return;
  const bool on = IsOn(pinning);
  v1::DomainPins* map = out->mutable_pins();
  EachDomain(pinning, kMapping, OasPinMappingRules(),
             [&](const Fields& entry, const std::string& domain) {
               for (const std::string& id : references->TakeList(entry, "publicKeys", false))
                 (*map->mutable_pins())[domain].add_certificate_ids(id);
               if (entry.List("publicKeys").empty())
                 entry.Refuse("publicKeys", "no public key is named for this domain");
             });
  map->set_disabled(!on);
  if (on && pinning.List(kMapping).empty())
    pinning.Refuse(kMapping, "names no public key, but enabled is true");
  if (map->pins_size() != 0 && !on) pinning.Warn(kMapping, "has no effect: enabled is false");
}

// "1h30m10s" in seconds; 0: not of this form.
double OasSeconds(const std::string& text) {
  std::string hours;
  std::string minutes;
  std::string seconds;
  static const RE2* const form = new RE2(R"((?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?)");
  if (!RE2::FullMatch(text, *form, &hours, &minutes, &seconds)) return 0;
  double total = 0;
  for (const auto& [digits, unit] :
       {std::pair(hours, 3600), std::pair(minutes, 60), std::pair(seconds, 1)}) {
    int number = 0;
    if (absl::SimpleAtoi(digits, &number)) total += static_cast<double>(number) * unit;
  }
  return total;
}

void OasRate(const Fields& upstream, v1::Api* api) {
  const Fields rate = upstream.Object("rateLimit");
  rate.Check(OasRateRules());
  if (rate.node() == nullptr || !IsOn(rate)) return;
  const double requests = rate.Number("rate");
  const double per = OasSeconds(rate.Text("per"));
  if (requests <= 0) return rate.Refuse("rate", "must be greater than 0 where enabled is true");
  if (per <= 0) return rate.Refuse("per", "must be a time such as 1m30s");
  api->mutable_limits()->mutable_rate()->set_rate(requests);
  api->mutable_limits()->mutable_rate()->set_per_seconds(per);
}

}  // namespace

bool OasDomain(const std::string& domain, const std::string& path, const Node& at,
               Conversion* out) {
  const auto pattern = domain::ParsePattern(domain);
  static const RE2* const form = new RE2(kDomainPattern);
  const bool fits = absl::StartsWith(domain, "[") || RE2::FullMatch(domain, *form);
  if (fits && pattern.ok()) return true;
  std::string message = absl::StrCat("Does not match pattern '", kDomainPattern, "'");
  if (!pattern.ok()) absl::StrAppend(&message, ": ", pattern.status().message());
  out->Refuse(path, &at, fits ? std::string(pattern.status().message()) : message);
  return false;
}

base::Secret OasUpstream(const Fields& upstream, References* references, v1::Api* api) {
  upstream.Check(OasUpstreamRules());
  v1::Upstream* out = api->mutable_upstream();
  OasTargets(upstream, out);
  const Fields host = upstream.Object("preserveHostHeader");
  host.Check(OasSwitchRules());
  out->set_preserve_host_header(host.node() != nullptr && IsOn(host));
  OasTransport(upstream, out->mutable_tls());
  OasUpstreamCertificates(upstream, references, out);
  OasPins(upstream, references, out);
  OasRate(upstream, api);
  const Fields proxy = upstream.Object("proxy");
  proxy.Check(OasProxyRules());
  if (proxy.node() == nullptr || !IsOn(proxy)) return {};
  if (proxy.Text("url").empty()) proxy.Refuse("url", "is missing, but enabled is true");
  return ReadForwardProxy(proxy, "url", api);
}

}  // namespace sallyport::authsvc::dialects
