#include "authsvc/dialects/apk/backend.h"

#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/certificate_source.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/apk/endpoints.h"
#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/apk/resource_fields.h"
#include "authsvc/dialects/apk/route_fields.h"
#include "authsvc/dialects/apk/security.h"
#include "shared/domain/host.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

using google::protobuf::util::MessageDifferencer;

void ReadService(const Fields& spec, Backend* out) {
  const std::vector<Node>& items = spec.List("services");
  if (items.size() != 1) return spec.Refuse("services", "must be exactly one");
  const Fields service(&items[0], ItemPath(spec.PathOf("services"), 0), spec.out());
  service.Check(BackendServiceRules());
  const std::string host = service.Text("host");
  const int64_t port = service.Integer("port");
  if (port < 1 || port > 65535) service.Refuse("port", "must be 1 to 65535");
  const std::string place = absl::StrCat(host, ":", port);
  if (!domain::ParseHostPort(place).ok()) service.Refuse("host", "must be a name or an address");
  out->place = place;
}

void ReadUrl(const Fields& spec, Backend* out) {
  const std::string protocol = spec.Text("protocol").empty() ? "http" : spec.Text("protocol");
  if (protocol != "http" && protocol != "https" && protocol != "ws" && protocol != "wss")
    spec.Refuse("protocol", "must be http, https, ws or wss");
  const std::string base = spec.Text("basePath");
  const std::string wrong = base.empty() ? "" : WrongPath(base);
  if (!wrong.empty()) spec.Refuse("basePath", wrong);
  out->url = TargetUrl(spec, "protocol", absl::StrCat(protocol, "://", out->place, base));
}

// APK takes the host's own name or one that matches; here it is the one name or the other.
void ReadNames(const Fields& tls, const Backend& backend, std::string* server_name) {
  const std::string host = backend.place.substr(0, backend.place.rfind(':'));
  for (const std::string& name : tls.Texts("allowedSANs")) {
    const auto parsed = domain::ParseHost(name);
    if (!parsed.ok() || absl::StrContains(name, '*')) {
      tls.Refuse("allowedSANs",
                 "expressions do not exist here: write the one name that the "
                 "certificate has");
    } else if (name != host && !server_name->empty() && name != *server_name) {
      tls.Refuse("allowedSANs", "only one name can stand in for the host's own");
    } else if (name != host) {
      *server_name = name;
    }
  }
  if (!server_name->empty())
    tls.Warn("allowedSANs", "is asked for in place of the host's own name, not beside it");
}

std::string ClientCertificate(const Fields& tls, const KubeName& name) {
  const Node* reference = tls.Get("clientCertificateRef");
  if (reference == nullptr) return "";
  tls.Object("clientCertificateRef").Check(RefRules());
  Node with_key = *reference;
  if (with_key.IsObject() && with_key.Find("key") == nullptr) {
    Node key;
    key.type = Node::Type::kString;
    key.text = "tls.crt";
    with_key.members.emplace_back("key", std::move(key));
  }
  return PlaceOf(with_key, tls.PathOf("clientCertificateRef"), "secret", name.name_space,
                 tls.out());
}

void ReadTls(const Fields& tls, const KubeName& name, References* references, Backend* out) {
  if (tls.node() == nullptr) return;
  tls.Check(BackendTlsRules());
  if (!absl::StartsWith(out->url, "https://"))
    tls.out()->Refuse(tls.path(), tls.node(), "is for protocol https or wss");
  out->authorities = ReadCertificateSource(tls, name, references);
  ReadNames(tls, *out, &out->server_name);
  out->client_certificate = ClientCertificate(tls, name);
}

}  // namespace

Backend ReadBackend(const Fields& spec, const KubeName& name, References* references) {
  Backend backend;
  spec.Check(BackendSpecRules());
  ReadService(spec, &backend);
  if (spec.out()->ok()) ReadUrl(spec, &backend);
  ReadTls(spec.Object("tls"), name, references, &backend);
  backend.credential = ReadBackendSecurity(spec.Object("security"), name.name_space);
  ReadTimeouts(spec.Object("timeout"), &backend.timeouts);
  ReadBreaker(spec.Object("circuitBreaker"), &backend.limits);
  spec.Object("retry").Check(BackendRetryRules());
  return backend;
}

namespace {

bool SameWay(const Backend& backend, const v1::Upstream& upstream) {
  return MessageDifferencer::Equals(upstream.timeouts(), backend.timeouts) &&
         MessageDifferencer::Equals(upstream.limits(), backend.limits) &&
         upstream.tls().server_name() == backend.server_name;
}

void AddTrust(const Backend& backend, v1::Upstream* upstream,
              std::vector<std::string>* authorities) {
  authorities->insert(authorities->end(), backend.authorities.begin(), backend.authorities.end());
  if (backend.client_certificate.empty()) return;
  (*upstream->mutable_client_certificates()->mutable_certificate_ids())[backend.place] =
      backend.client_certificate;
}

constexpr absl::string_view kOneWay =
    "timeouts, circuit breakers and names of several Backends of one API must be the same";

}  // namespace

void AddBackend(const Backend& backend, uint32_t weight, const Fields& where,
                v1::Upstream* upstream, std::vector<std::string>* authorities) {
  if (upstream->targets_size() == 0) {
    *upstream->mutable_timeouts() = backend.timeouts;
    *upstream->mutable_limits() = backend.limits;
    upstream->mutable_tls()->set_server_name(backend.server_name);
  } else if (!SameWay(backend, *upstream)) {
    where.Refuse("backendRefs", kOneWay);
  }
  PutSecurity(backend.credential, upstream->targets_size() == 0, where, "backendRefs", upstream);
  v1::Target* target = upstream->add_targets();
  target->set_url(backend.url);
  target->set_weight(weight);
  AddTrust(backend, upstream, authorities);
}

void AddOtherBackend(const Backend& backend, const Fields& where, v1::Upstream* upstream,
                     std::vector<std::string>* authorities) {
  const bool known = upstream->targets_size() > 0;  // else it waits for its own
  if (known && !SameWay(backend, *upstream)) where.Refuse("backendRefs", kOneWay);
  if (!backend.credential.header().empty())
    where.Refuse("backendRefs", "security: credentials go to the Backends of the first rule alone");
  AddTrust(backend, upstream, authorities);
}

}  // namespace sallyport::authsvc::dialects::apk
