#include "authsvc/dialects/tyk_render.h"

#include "absl/time/time.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_proxy_url.h"

namespace sallyport::authsvc::dialects {
namespace {

Json DomainPinsJson(const v1::DomainPins& pins) {
  Json out = Json::object();
  for (const auto& [domain, list] : pins.pins()) {
    std::string ids;
    for (const std::string& id : list.certificate_ids()) ids += (ids.empty() ? "" : ",") + id;
    for (const std::string& id : list.spki_sha256()) ids += (ids.empty() ? "" : ",") + id;
    out[domain] = ids;
  }
  return out;
}

Json AuthJson(const v1::Api& api) {
  const v1::TokenAuth& token = api.token();
  return {{"auth_header_name", token.header_name()},
          {"disable_header", token.disable_header()},
          {"use_param", token.use_query()},
          {"param_name", token.query_name()},
          {"use_cookie", token.use_cookie()},
          {"cookie_name", token.cookie_name()},
          {"use_certificate", api.client_tls().dynamic_mtls()}};
}

Json ProxyJson(const v1::Api& api) {
  Json proxy = {{"listen_path", api.listen_path()},
                {"strip_listen_path", api.strip_listen_path()},
                {"strict_prefix", !api.loose_prefix()},
                {"preserve_host_header", api.upstream().preserve_host_header()}};
  Json list = Json::array();
  for (const v1::Target& target : api.upstream().targets()) {
    for (uint32_t i = 0; i < std::min(std::max(target.weight(), 1U), 100U); ++i)
      list.push_back(target.url());
  }
  proxy["target_url"] = list.empty() ? Json("") : list[0];
  proxy["enable_load_balancing"] = list.size() > 1;
  proxy["target_list"] = list.size() > 1 ? list : Json::array();
  proxy["transport"] = {
      {"ssl_insecure_skip_verify", api.upstream().tls().insecure_skip_verify()},
      {"ssl_force_common_name_check", api.upstream().tls().force_common_name_check()}};
  if (api.upstream().has_forward_proxy())
    proxy["transport"]["proxy_url"] = ProxyUrlText(api.upstream().forward_proxy());
  return proxy;
}

void PutCertificates(const v1::Api& api, Json* out) {
  (*out)["use_mutual_tls_auth"] = api.client_tls().static_mtls() != v1::REQUIREMENT_OFF;
  (*out)["client_certificates"] = Json::array();
  for (const v1::AllowlistEntry& entry : api.client_tls().allowlist()) {
    (*out)["client_certificates"].push_back(entry.certificate_id());
  }
  (*out)["upstream_certificates"] = Json::object();
  for (const auto& [domain, id] : api.upstream().client_certificates().certificate_ids()) {
    (*out)["upstream_certificates"][domain] = id;
  }
  (*out)["upstream_certificates_disabled"] = api.upstream().client_certificates().disabled();
  (*out)["pinned_public_keys"] = DomainPinsJson(api.upstream().pins());
  (*out)["certificate_pinning_disabled"] = api.upstream().pins().disabled();
  (*out)["certificates"] = api.server_certificate_ids();
}

}  // namespace

Json OriginalDocument(const v1::Resource& resource, absl::string_view dialect) {
  if (resource.dialect() != dialect || resource.document().empty()) return nullptr;
  Json json = Json::parse(resource.document(), nullptr, false);
  return json.is_object() ? json : Json(nullptr);
}

std::string TimeText(int64_t unix_seconds) {
  if (unix_seconds == 0) return "0001-01-01T00:00:00Z";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds),
                          absl::UTCTimeZone());
}

std::string Text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void PutLimits(const v1::Limits& limits, Json* object) {
  (*object)["rate"] = limits.rate().rate();
  (*object)["per"] = limits.rate().per_seconds();
  (*object)["quota_max"] = limits.has_quota() ? limits.quota().max() : -1;
  (*object)["quota_renewal_rate"] = limits.quota().renewal_seconds();
}

Json AccessRightsJson(const google::protobuf::RepeatedPtrField<v1::AccessRight>& rights) {
  Json out = Json::object();
  for (const v1::AccessRight& right : rights) {
    Json access = {
        {"api_name", right.api_name()}, {"api_id", right.api_id()}, {"versions", right.versions()}};
    access["allowed_urls"] = Json::array();
    for (const v1::PathRule& rule : right.allowed_urls()) {
      access["allowed_urls"].push_back({{"url", rule.path()}, {"methods", rule.methods()}});
    }
    access["limit"] = nullptr;
    if (right.has_limits()) {
      access["limit"] = Json::object();
      PutLimits(right.limits(), &access["limit"]);
    }
    out[right.api_id()] = std::move(access);
  }
  return out;
}

std::string TykClassicJson(const v1::Resource& resource) {
  const v1::Api& api = resource.api();
  Json out = OriginalDocument(resource, kTykClassic);
  if (!out.is_null()) return Text(out);
  out = Json::object();
  out["name"] = api.name();
  out["api_id"] = api.id();
  out["org_id"] = api.org_id();
  out["active"] = !api.inactive();
  out["domain"] = api.hosts_size() == 0 ? "" : api.hosts(0);
  out["listen_port"] = api.listen_port();
  out["protocol"] = api.protocol();
  out["enable_proxy_protocol"] = api.proxy_protocol();
  out["use_keyless"] = api.keyless();
  out["use_standard_auth"] = api.token().enabled();
  out["auth_configs"] = {{"authToken", AuthJson(api)}};
  out["strip_auth_data"] = api.token().strip();
  PutCertificates(api, &out);
  out["proxy"] = ProxyJson(api);
  out["disable_rate_limit"] = api.disable_rate_limit();
  out["disable_quota"] = api.disable_quota();
  out["global_rate_limit"] = {{"rate", api.limits().rate().rate()},
                              {"per", api.limits().rate().per_seconds()}};
  out["tags"] = api.tags();
  return Text(out);
}

}  // namespace sallyport::authsvc::dialects
