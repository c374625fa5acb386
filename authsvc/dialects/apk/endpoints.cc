#include "authsvc/dialects/apk/endpoints.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/apk/sandbox.h"
#include "authsvc/dialects/apk/security.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr int64_t kMostSeconds = 24 * 3600;
constexpr int64_t kMostCount = 1'000'000;

// {name, namespace, port, protocol}: a service of the cluster, by its name there.
std::string ServiceUrl(const Fields& service, const KubeName& api) {
  service.Check(ServiceRules());
  const std::string name = service.Text("name");
  std::string name_space = service.Text("namespace");
  if (name_space.empty()) name_space = api.name_space;
  for (const auto& [field, text] : {std::pair{"name", name}, {"namespace", name_space}}) {
    if (!IsKubeName(text))
      service.Refuse(
          field, text.empty() ? "is missing" : "must be lower-case letters, digits, '-' and '.'");
  }
  const std::string protocol = service.Text("protocol").empty() ? "http" : service.Text("protocol");
  const int64_t port = service.Integer("port", protocol == "https" ? 443 : 80);
  if (port < 1 || port > 65535) service.Refuse("port", "must be 1 to 65535");
  if (protocol != "http" && protocol != "https")
    service.Refuse("protocol", "must be http or https");
  return absl::StrCat(protocol, "://", name, ".", name_space, ".svc.cluster.local:", port);
}

std::string EndpointUrl(const Fields& endpoint, const KubeName& api) {
  const Node* node = endpoint.Get("endpoint");
  if (node == nullptr) {
    endpoint.Refuse("endpoint", "is missing: a URL, or name, namespace and port of a service");
    return "";
  }
  if (node->IsObject()) return ServiceUrl(endpoint.Object("endpoint"), api);
  return TargetUrl(endpoint, "endpoint", endpoint.Text("endpoint"));
}

void ReadResiliency(const Fields& resiliency, v1::Upstream* upstream) {
  if (resiliency.node() == nullptr) return;
  resiliency.Check(ResiliencyRules());
  ReadTimeouts(resiliency.Object("timeout"), upstream->mutable_timeouts());
  ReadBreaker(resiliency.Object("circuitBreaker"), upstream->mutable_limits());
  resiliency.Object("retryPolicy").Check(RetryRules());
}

// The certificate that issued the endpoint's own stands in a Secret of the namespace.
void ReadCertificate(const Fields& certificate, const KubeName& api, bool tls,
                     std::vector<std::string>* authorities) {
  if (certificate.node() == nullptr) return;
  certificate.Check(EndpointCertificateRules());
  Node reference;
  reference.type = Node::Type::kObject;
  reference.line = certificate.node()->line;
  for (const auto& [from, to] : {std::pair{"secretName", "name"}, {"secretKey", "key"}}) {
    const Node* member = certificate.Get(from);
    if (member == nullptr) certificate.Refuse(from, "is missing");
    if (member != nullptr) reference.members.emplace_back(to, *member);
  }
  if (reference.members.size() != 2) return;
  if (!tls)
    certificate.out()->Warn(certificate.path(), certificate.node(),
                            "the endpoint is not https: no certificate is looked at");
  std::string place =
      PlaceOf(reference, certificate.path(), "secret", api.name_space, certificate.out());
  if (!place.empty()) authorities->push_back(std::move(place));
}

void ReadEndpoint(const Fields& endpoint, const KubeName& api, v1::Upstream* upstream,
                  std::vector<std::string>* authorities) {
  if (endpoint.node() == nullptr) return;
  endpoint.Check(EndpointRules());
  PutSecurity(ReadEndpointSecurity(endpoint.Object("endpointSecurity"), api.name_space),
              upstream->targets_size() == 0, endpoint, "endpointSecurity", upstream);
  const std::string url = EndpointUrl(endpoint, api);
  v1::Target* target = upstream->add_targets();
  target->set_url(url);
  const int64_t weight = endpoint.Integer("weight");
  if (weight < 0 || weight > kMostCount) endpoint.Refuse("weight", "must be 0 to 1000000");
  target->set_weight(static_cast<uint32_t>(std::clamp<int64_t>(weight, 0, kMostCount)));
  ReadCertificate(endpoint.Object("certificate"), api, absl::StartsWith(url, "https://"),
                  authorities);
  if (endpoint.Has("resiliency") && upstream->targets_size() > 1)
    endpoint.Refuse("resiliency", "is that of all endpoints: write it in the first");
  ReadResiliency(endpoint.Object("resiliency"), upstream);
}

// One endpoint, or several as later versions of APK have it.
void ReadEnvironment(const Fields& configurations, absl::string_view environment,
                     const KubeName& api, v1::Upstream* upstream,
                     std::vector<std::string>* authorities) {
  const Node* endpoints = configurations.Get(environment);
  if (!endpoints->IsArray())
    return ReadEndpoint(configurations.Object(environment), api, upstream, authorities);
  const std::string path = configurations.PathOf(environment);
  for (size_t i = 0; i < endpoints->items.size(); ++i) {
    const Fields endpoint(&endpoints->items[i], ItemPath(path, i), configurations.out());
    if (endpoint.node() == nullptr) configurations.Refuse(environment, "has an empty endpoint");
    ReadEndpoint(endpoint, api, upstream, authorities);
  }
}

}  // namespace

void ReadTimeouts(const Fields& timeout, v1::Timeouts* out) {
  if (timeout.node() == nullptr) return;
  timeout.Check(TimeoutRules());
  out->set_total_ms(SecondsToMillis(timeout, "upstreamResponseTimeout"));
  out->set_idle_ms(SecondsToMillis(timeout, "downstreamRequestIdleTimeout"));
}

void ReadBreaker(const Fields& breaker, v1::UpstreamLimits* out) {
  if (breaker.node() == nullptr) return;
  breaker.Check(CircuitBreakerRules());
  out->set_max_connections(ReadCount(breaker, "maxConnections"));
  out->set_max_pending(ReadCount(breaker, "maxPendingRequests"));
  out->set_max_requests(ReadCount(breaker, "maxRequests"));
  if (out->max_pending() != 0 && out->max_connections() == 0)
    breaker.Refuse("maxPendingRequests", "nothing waits without maxConnections");
}

std::string TargetUrl(const Fields& object, absl::string_view name, absl::string_view url) {
  if (absl::ConsumePrefix(&url, "ws://")) return absl::StrCat("http://", url);
  if (absl::ConsumePrefix(&url, "wss://")) return absl::StrCat("https://", url);
  if (absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://"))
    return std::string(url);
  object.Refuse(name, "must be a URL that begins with http://, https://, ws:// or wss://");
  return "";
}

void SetGrpcProtocol(v1::Upstream* upstream) {
  const bool tls =
      upstream->targets_size() > 0 && absl::StartsWith(upstream->targets(0).url(), "https://");
  upstream->set_protocol(tls ? "h2" : "h2c");
}

uint32_t SecondsToMillis(const Fields& object, absl::string_view name) {
  const int64_t seconds = object.Integer(name);
  if (seconds >= 0 && seconds <= kMostSeconds) return static_cast<uint32_t>(seconds * 1000);
  object.Refuse(name, "must be 0 to 86400 seconds");
  return 0;
}

uint32_t ReadCount(const Fields& object, absl::string_view name) {
  const int64_t count = object.Integer(name);
  if (count >= 0 && count <= kMostCount) return static_cast<uint32_t>(count);
  object.Refuse(name, "must be 0 to 1000000");
  return 0;
}

void ReadEndpoints(const Fields& conf, absl::string_view environment, const KubeName& api,
                   bool grpc, v1::Upstream* upstream, std::vector<std::string>* authorities) {
  const Fields configurations = conf.Object("endpointConfigurations");
  configurations.Check(EndpointConfigurationsRules());
  const Node* endpoints = configurations.Get(environment);
  if (endpoints == nullptr || (endpoints->IsArray() && endpoints->items.empty()))
    return conf.Refuse(absl::StrCat("endpointConfigurations.", environment),
                       "is missing: it says where requests go");
  ReadEnvironment(configurations, environment, api, upstream, authorities);
  if (grpc) SetGrpcProtocol(upstream);
}

bool HasSandbox(const Fields& conf) { return conf.Object("endpointConfigurations").Has(kSandbox); }

std::string OperationEndpoint(const Fields& operation, absl::string_view environment,
                              const KubeName& api, std::vector<std::string>* authorities) {
  const Fields configurations = operation.Object("endpointConfigurations");
  configurations.Check(EndpointConfigurationsRules());
  if (!configurations.Has(environment)) return "";
  v1::Upstream upstream;
  ReadEnvironment(configurations, environment, api, &upstream, authorities);
  if (upstream.targets_size() != 1) {
    configurations.Refuse(environment, "an operation of its own goes to one endpoint");
    return "";
  }
  if (upstream.has_credential())
    configurations.Refuse(environment,
                          "endpointSecurity: credentials go to the API's endpoints alone");
  if (upstream.has_timeouts() || upstream.has_limits())
    configurations.Refuse(environment, "resiliency: is that of the API's endpoints");
  const std::string& url = upstream.targets(0).url();
  if (url.find_first_of("?#") != std::string::npos) {
    configurations.Refuse(environment, "the endpoint of an operation must be without ? and #");
    return "";
  }
  return url;
}

std::string AuthoritiesId(absl::string_view api_id) { return absl::StrCat(api_id, ".endpoint"); }

void PutAuthorities(const std::vector<std::string>& authorities, const std::string& api_id,
                    absl::string_view org_id, absl::string_view dialect, v1::Upstream* upstream,
                    Conversion* out) {
  if (authorities.empty()) return;
  Converted converted;
  const std::string id = AuthoritiesId(api_id);
  converted.resource.set_id(id);
  converted.resource.set_dialect(std::string(dialect));
  v1::TrustBundle* bundle = converted.resource.mutable_trust_bundle();
  bundle->set_id(id);
  bundle->set_org_id(std::string(org_id));
  bundle->mutable_certificate_ids()->Add(authorities.begin(), authorities.end());
  upstream->mutable_tls()->add_trust_bundle_ids(id);
  out->resources.push_back(std::move(converted));
}

}  // namespace sallyport::authsvc::dialects::apk
