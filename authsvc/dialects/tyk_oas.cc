// Tyk OAS API definition -> Api. Authentication, upstream and middleware: the files beside this
// one.
#include "authsvc/dialects/tyk_oas.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/change/secret_names.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_events.h"
#include "authsvc/dialects/tyk_jwt.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_oas_versions.h"
#include "authsvc/dialects/tyk_proxy_url.h"
#include "authsvc/dialects/tyk_render.h"
#include "authsvc/dialects/tyk_upstream_auth.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kOasProxyUrl[] = {kTykExtension, "upstream", "proxy", "url"};

void CheckOpenApi(const Node& document, Conversion* out) {
  const Fields top(&document, "", out);
  const std::string version = top.Text("openapi");
  if (!absl::StartsWith(version, "3."))
    top.Refuse("openapi", "must be a version 3 of OpenAPI, such as 3.0.3");
  const Node* paths = top.Get("paths");
  if (paths == nullptr || !paths->IsObject())
    top.Refuse("paths", "Invalid type. Expected: object, given: null");
  const Fields info = top.Object("info");
  if (info.Text("title").empty()) info.Refuse("title", "is missing");
}

void OasIdentity(const Fields& extension, v1::Api* api) {
  const Fields info = extension.Object("info");
  info.Check(OasInfoRules());
  if (info.node() == nullptr) return extension.Refuse("info", "is missing");
  if (api->id().empty()) info.Refuse("id", "is missing: every API needs an id of its own");
  if (api->id().find_first_of("/?# ") != std::string::npos)
    info.Refuse("id", "must not contain blanks, '/', '?' or '#'");
  if (info.Text("name").find_first_not_of(" \t\r\n") == std::string::npos)
    info.Refuse("name", "is missing");
  api->set_name(info.Text("name"));
  api->set_style("tyk");
  const Fields state = info.Object("state");
  state.Check(OasStateRules());
  if (!state.Has("active")) state.Refuse("active", "is missing: say true or false");
  api->set_inactive(!state.Flag("active"));
}

void OasListen(const Fields& server, v1::Api* api) {
  const Fields listen = server.Object("listenPath");
  listen.Check(OasListenPathRules());
  const std::string path = listen.Text("value");
  if (path.empty() || path[0] != '/') listen.Refuse("value", "must start with '/'");
  if (path.find_first_of("{}?#* ") != std::string::npos)
    listen.Refuse("value", "patterns, blanks, '?' and '#' are not taken in listen paths");
  api->set_listen_path(path);
  api->set_strip_listen_path(listen.Flag("strip"));
  const int64_t port = server.Integer("port");
  if (server.Has("port") && (port < 1 || port > 65535))
    server.Refuse("port", "must be between 1 and 65535");
  else
    api->set_listen_port(static_cast<uint32_t>(port));
  const std::string protocol = server.Text("protocol");
  if (!protocol.empty() && protocol != "http" && protocol != "https") {
    server.Refuse("protocol",
                  absl::StrCat("\"", protocol, "\" does not exist here: http or https"));
  }
}

void OasCustomDomain(const Fields& server, References* references, v1::Api* api) {
  const Fields domain = server.Object("customDomain");
  domain.Check(OasCustomDomainRules());
  if (domain.node() == nullptr) return;
  const bool on = IsOn(domain);
  const std::vector<std::string> ids = references->TakeList(domain, "certificates", true);
  if (!on) return domain.Warn("enabled", "is false: the API answers on every host name");
  const std::string name = domain.Text("name");
  if (name.empty()) return domain.Refuse("name", "is missing, but enabled is true");
  const auto pattern = domain::HostPattern::Parse(name);
  if (!pattern.ok()) return domain.Refuse("name", pattern.status().message());
  api->add_hosts(name);
  for (const std::string& id : ids) api->add_server_certificate_ids(id);
}

void OasClientCertificates(const Fields& server, References* references, v1::Api* api) {
  const Fields clients = server.Object("clientCertificates");
  clients.Check(OasClientCertificatesRules());
  references->AllowlistOf(clients, "allowlist", api->mutable_client_tls()->mutable_allowlist());
  if (clients.node() == nullptr) return;
  if (clients.Flag("enabled")) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  } else if (!clients.List("allowlist").empty() && !clients.Has("enabled")) {
    clients.Refuse("allowlist", "is set, but enabled is not there: say true or false");
  } else if (!clients.List("allowlist").empty()) {
    clients.Warn("allowlist", "has no effect: enabled is false");
  }
}

void OasAddresses(const Fields& object, absl::string_view name,
                  google::protobuf::RepeatedPtrField<std::string>* list) {
  const std::vector<std::string> texts = object.Texts(name);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!IsAddress(texts[i])) {
      object.out()->Refuse(ItemPath(object.PathOf(name), i), object.Get(name),
                           "is not an IP address or network");
    }
    *list->Add() = texts[i];
  }
}

void OasIpLists(const Fields& server, v1::Api* api) {
  const Fields ip = server.Object("ipAccessControl");
  ip.Check(OasIpRules());
  if (ip.node() == nullptr) return;
  if (!IsOn(ip)) {
    if (!ip.List("allow").empty() || !ip.List("block").empty())
      ip.Warn("enabled", "is false: the lists have no effect");
    return;
  }
  OasAddresses(ip, "allow", api->mutable_ip()->mutable_allow());
  OasAddresses(ip, "block", api->mutable_ip()->mutable_deny());
  if (api->ip().allow().empty() && api->ip().deny().empty())
    ip.Refuse("enabled", "is true, but both lists are empty");
}

void OasTags(const Fields& server, v1::Api* api) {
  const Fields tags = server.Object("gatewayTags");
  tags.Check(OasGatewayTagsRules());
  if (tags.node() == nullptr || !tags.Flag("enabled")) return;
  for (const std::string& tag : tags.Texts("tags")) api->add_tags(tag);
}

void OasServer(const Node& document, const Fields& extension, References* references,
               v1::Api* api) {
  const Fields server = extension.Object("server");
  server.Check(OasServerRules());
  if (server.node() == nullptr) return extension.Refuse("server", "is missing");
  OasListen(server, api);
  OasCustomDomain(server, references, api);
  OasClientCertificates(server, references, api);
  OasAuthentication(document, server, references, api);
  OasEvents(server, api);
  OasIpLists(server, api);
  OasTags(server, api);
}

// Tyk's own pages give Classic's path for this one.
void RefuseMisplaced(const Fields& extension) {
  if (!extension.Has("proxy")) return;
  const Fields transport = extension.Object("proxy").Object("transport");
  for (const absl::string_view name : {"insecureSkipVerify", "ssl_insecure_skip_verify"}) {
    if (!transport.Has(name)) continue;
    return transport.Refuse(name,
                            "has no meaning at this place: x-tyk-api-gateway.upstream.tlsTransport."
                            "insecureSkipVerify is where verification is switched off");
  }
}

constexpr absl::string_view kOasSecrets[] = {"secret", "sharedSecret", "clientSecret", "password"};

// Secrets of features that do not exist here, and `source` of JWT schemes where it may be a shared
// secret.
void BlankOas(Node* node, bool in_schemes) {
  for (Node& item : node->items) BlankOas(&item, in_schemes);
  for (auto& [name, value] : node->members) {
    if (name == "pluginConfig") continue;  // what scripts are told: its names mean nothing here
    BlankOas(&value, in_schemes || name == "securitySchemes");
    bool secret = in_schemes && name == "source";
    for (const absl::string_view one : kOasSecrets) secret = secret || name == one;
    if (in_schemes && name == "source" && IsPublicJwtSource(value.text)) continue;
    if (!secret || value.IsObject() || value.IsArray() || value.type == Node::Type::kNull) continue;
    value = Node();
    value.type = Node::Type::kString;
  }
}

// Where a base is served, with its versions. What is wrong there is said of itself.
v1::Api OasPlaceOf(const Node& base, const ConvertOptions& options) {
  Conversion ignored;
  const Fields extension = Fields(&base, "", &ignored).Object(kTykExtension);
  v1::Api place;
  const std::string org_id = extension.Object("info").Text("orgId");
  place.set_org_id(org_id.empty() ? options.org_id : org_id);
  References references(options.org_id, options, kTykOas, &ignored);
  OasListen(extension.Object("server"), &place);
  OasCustomDomain(extension.Object("server"), &references, &place);
  place.set_inactive(!extension.Object("info").Object("state").Flag("active") ||
                     extension.Object("info").Object("state").Flag("internal"));
  return place;
}

// Private keys alone: certificates may be what an API is about.
void BlankKeys(Node* node) {
  if (node->IsString() && absl::StrContains(node->text, kPrivateKeyMark)) node->text.clear();
  for (Node& item : node->items) BlankKeys(&item);
  for (auto& [name, value] : node->members) BlankKeys(&value);
}

// Else the OpenAPI part stays as it is: its examples are nobody's secrets.
Node KeptOas(const Node& document, absl::string_view org_id) {
  Node kept = document;
  Node* extension = kept.Find(kTykExtension);
  *extension = WithoutInlinePem(*extension, org_id);
  BlankOas(extension, false);
  EmptyWebhooks(extension);
  BlankKeys(&kept);
  HideProxyPassword(kOasProxyUrl, &kept);
  return kept;
}

}  // namespace

bool IsTykOas(const Node& document) {
  return document.IsObject() && document.Find("kind") == nullptr &&
         document.Find(kTykExtension) != nullptr;
}

Conversion ConvertTykOas(const Node& definition, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&definition, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &definition, "an API definition must be an object");
    return out;
  }
  CheckOpenApi(definition, &out);
  if (top.Has("x-tyk-streaming")) top.Refuse("x-tyk-streaming", "Tyk Streams do not exist here");
  const Fields extension = top.Object(kTykExtension);
  if (extension.node() == nullptr) {
    if (!top.Has(kTykExtension)) top.Refuse(kTykExtension, "is missing");
    return out;
  }
  extension.Check(OasExtensionRules());
  RefuseMisplaced(extension);
  v1::Api api;
  const Fields info = extension.Object("info");
  api.set_id(info.Text("id"));
  api.set_org_id(info.Text("orgId").empty() ? options.org_id : info.Text("orgId"));
  References references(api.org_id(), options, kTykOas, &out);
  OasIdentity(extension, &api);
  OasServer(definition, extension, &references, &api);
  Converted converted;
  const Fields upstream = extension.Object("upstream");
  if (upstream.node() == nullptr)
    extension.Refuse("upstream", "is missing");
  else
    converted.proxy_password = OasUpstream(upstream, &references, &api);
  OasUpstreamAuth(upstream.Object("authentication"), &api, &converted);
  const Fields middleware = extension.Object("middleware");
  OasMiddleware(middleware, &api);
  ReadExpiry(info, "expiration", api.mutable_versions(0));
  OasVersioning(info, options, OasPlaceOf, &api);
  OasOperations(definition, middleware, &api);
  converted.resource.set_id(api.id());
  converted.resource.set_dialect(std::string(kTykOas));
  converted.resource.set_document(ToJson(KeptOas(definition, api.org_id())));
  *converted.resource.mutable_api() = std::move(api);
  out.resources.push_back(std::move(converted));
  return out;
}

std::string TykOasJson(const v1::Resource& resource, bool without_extension) {
  Json out = OriginalDocument(resource, kTykOas);
  if (out.is_null()) return "";
  if (without_extension) out.erase(std::string(kTykExtension));
  return Text(out);
}

}  // namespace sallyport::authsvc::dialects
