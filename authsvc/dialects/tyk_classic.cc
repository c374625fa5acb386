// Tyk Classic API definition -> Api. Versions and endpoints: tyk_classic_versions.cc; upstream:
// tyk_classic_upstream.cc.
#include "authsvc/dialects/tyk_classic.h"

#include <arpa/inet.h>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "authsvc/dialects/suggest.h"
#include "authsvc/dialects/tyk_classic_fields.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_events.h"
#include "authsvc/dialects/tyk_jwt.h"
#include "authsvc/dialects/tyk_proxy_url.h"
#include "authsvc/dialects/tyk_script.h"
#include "authsvc/dialects/tyk_upstream_auth.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc::dialects {
namespace {

void Identity(const Fields& top, v1::Api* api) {
  if (api->id().empty()) top.Refuse("api_id", "is missing: every API needs an id of its own");
  if (api->id().find_first_of("/?# ") != std::string::npos) {
    top.Refuse("api_id", "must not contain blanks, '/', '?' or '#'");
  }
  api->set_name(top.Text("name"));
  api->set_style("tyk");
  api->set_inactive(!top.Flag("active", true));
  if (!top.Has("active")) top.Warn("active", "is not there: taken as true");
  for (const std::string& tag : top.Texts("tags")) api->add_tags(tag);
}

void Hosts(const Fields& top, v1::Api* api) {
  const std::string domain = top.Text("domain");
  if (domain.empty()) return;
  if (top.Flag("domain_disabled")) {
    top.Warn("domain_disabled", "the API answers on every host name");
    return;
  }
  const auto pattern = domain::HostPattern::Parse(domain);
  if (!pattern.ok()) return top.Refuse("domain", pattern.status().message());
  api->add_hosts(domain);
}

void Listen(const Fields& top, const Fields& proxy, v1::Api* api) {
  if (!ClassicProtocol(top, api)) return;
  const std::string path = proxy.Text("listen_path");
  if (path.empty() || path[0] != '/') proxy.Refuse("listen_path", "must start with '/'");
  if (path.find_first_of("{}?#* ") != std::string::npos) {
    proxy.Refuse("listen_path", "patterns, blanks, '?' and '#' are not taken in listen paths");
  }
  api->set_listen_path(path);
  api->set_strip_listen_path(proxy.Flag("strip_listen_path"));
  api->set_loose_prefix(!top.Flag("strict_prefix", true) || !proxy.Flag("strict_prefix", true));
}

void AuthObject(const Fields& auth, v1::Api* api) {
  auth.Check(ClassicAuthRules());
  v1::TokenAuth* token = api->mutable_token();
  token->set_header_name(auth.Text("auth_header_name"));
  token->set_disable_header(auth.Flag("disable_header"));
  token->set_use_query(auth.Flag("use_param"));
  token->set_query_name(auth.Text("param_name"));
  token->set_use_cookie(auth.Flag("use_cookie"));
  token->set_cookie_name(auth.Text("cookie_name"));
  api->mutable_client_tls()->set_dynamic_mtls(auth.Flag("use_certificate"));
}

// `auth_configs.authToken`, else the older `auth` (both: the former, and a difference that matters
// is refused).
void TokenPlaces(const Fields& top, v1::Api* api) {
  const Fields old = top.Object("auth");
  const Fields configs = top.Object("auth_configs");
  configs.Check(ClassicAuthConfigsRules());
  if (configs.node() != nullptr) {
    for (const auto& [name, value] : configs.node()->members) {
      configs.Object(name).Check(ClassicAuthRules());
      if (name != "authToken" && value.IsObject() && configs.Object(name).Flag("use_certificate")) {
        configs.Refuse(name, "use_certificate works in auth_configs.authToken only");
      }
    }
  }
  if (!configs.Has("authToken")) return AuthObject(old, api);
  old.Check(ClassicAuthRules());
  const Fields current = configs.Object("authToken");
  AuthObject(current, api);
  if (old.Flag("use_certificate") && !current.Flag("use_certificate")) {
    top.Refuse("auth.use_certificate",
               "is on, but auth_configs.authToken is what counts and has it off");
  }
}

// User name and password; true where they are on.
bool ClassicBasic(const Fields& top, v1::Api* api) {
  const Fields basic = top.Object("basic_auth");
  basic.Check(ClassicBasicRules());
  if (!top.Flag("use_basic_auth")) return false;
  if (top.Flag("use_keyless"))
    top.Refuse("use_keyless", "contradicts use_basic_auth: true: switch one of them off");
  const Fields place = top.Object("auth_configs").Object("basic");
  const std::string header = place.Text("auth_header_name");
  if ((!header.empty() && !absl::EqualsIgnoreCase(header, "Authorization")) ||
      place.Flag("disable_header") || place.Flag("use_param") || place.Flag("use_cookie")) {
    top.Refuse("auth_configs.basic",
               "user name and password are looked for in the header Authorization alone");
  }
  api->mutable_basic()->set_requirement(v1::REQUIREMENT_MANDATORY);
  api->mutable_basic()->set_strip(top.Flag("strip_auth_data"));
  return true;
}

void Authentication(const Fields& top, v1::Api* api) {
  TokenPlaces(top, api);
  v1::TokenAuth* token = api->mutable_token();
  token->set_strip(top.Flag("strip_auth_data"));
  const bool keyless = top.Flag("use_keyless");
  const bool standard = top.Flag("use_standard_auth");
  const bool dynamic = api->client_tls().dynamic_mtls();
  if (top.Flag("allow_unsafe_dynamic_mtls_token")) {
    top.Refuse("allow_unsafe_dynamic_mtls_token",
               "a certificate's id never authenticates a caller");
  }
  if (keyless && standard) {
    top.Refuse("use_keyless", "contradicts use_standard_auth: true: switch one of them off");
  }
  if (keyless && dynamic) {
    top.Refuse("use_keyless",
               "would switch off use_certificate, which is on: switch one of them off");
  }
  api->set_keyless(keyless);
  // With use_certificate the certificate is the credential and a token is not looked at
  // (reference tyk.md §3.1).
  const bool jwt = top.Flag("enable_jwt");
  const bool basic = ClassicBasic(top, api);
  token->set_enabled(!keyless && !dynamic && (standard || !(jwt || basic)));
  if (!keyless && !standard && !dynamic && !jwt && !basic) {
    top.Warn("use_standard_auth",
             "no authentication scheme is named: an auth token is required; set use_keyless: true "
             "for the "
             "certificate alone");
  }
  const std::string identity = top.Text("base_identity_provided_by");
  if (!identity.empty() && identity != "auth_token" && !(jwt && identity == "jwt_claim") &&
      !(basic && identity == "basic_auth_user")) {
    top.Refuse("base_identity_provided_by",
               absl::StrCat("\"", identity,
                            "\" is not on: auth_token, jwt_claim, basic_auth_user or empty"));
  }
  if (!token->enabled()) return;
  if (token->disable_header() && !token->use_query() && !token->use_cookie()) {
    top.Refuse("auth_configs", "the header is disabled and no other place for the token is named");
  }
}

// A list that takes effect by a switch beside it.
enum class Switch : uint8_t { kOn, kOff, kRefused };
Switch SwitchOf(const Fields& object, absl::string_view flag, absl::string_view list) {
  const bool listed = object.Get(list) != nullptr && IsSet(*object.Get(list));
  if (object.Flag(flag)) return Switch::kOn;
  if (!listed) return Switch::kOff;
  if (object.Has(flag)) {
    object.Warn(list, absl::StrCat("has no effect: ", flag, " is false"));
    return Switch::kOff;
  }
  object.Refuse(list, absl::StrCat("is set, but ", flag, " is not there: say true or false"));
  return Switch::kRefused;
}

void StaticTls(const Fields& top, References* references, v1::Api* api) {
  if (SwitchOf(top, "use_mutual_tls_auth", "client_certificates") == Switch::kOn) {
    api->mutable_client_tls()->set_static_mtls(v1::REQUIREMENT_MANDATORY);
  }
  references->AllowlistOf(top, "client_certificates",
                          api->mutable_client_tls()->mutable_allowlist());
  for (const std::string& id : references->TakeList(top, "certificates", true)) {
    api->add_server_certificate_ids(id);
  }
}

}  // namespace

bool IsAddress(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  unsigned char bytes[16];
  const bool v4 = inet_pton(AF_INET, parts[0].c_str(), bytes) == 1;
  if (!v4 && inet_pton(AF_INET6, parts[0].c_str(), bytes) != 1) return false;
  int bits = 0;
  if (parts.size() == 1) return true;
  return absl::SimpleAtoi(parts[1], &bits) && bits >= 0 && bits <= (v4 ? 32 : 128);
}

namespace {

void Addresses(const Fields& top, absl::string_view name,
               google::protobuf::RepeatedPtrField<std::string>* list) {
  const std::vector<std::string> texts = top.Texts(name);
  for (size_t i = 0; i < texts.size(); ++i) {
    if (!IsAddress(texts[i])) {
      top.out()->Refuse(ItemPath(top.PathOf(name), i), top.Get(name),
                        "is not an IP address or network");
    }
    *list->Add() = texts[i];
  }
}

void IpLists(const Fields& top, v1::Api* api) {
  if (SwitchOf(top, "enable_ip_whitelisting", "allowed_ips") == Switch::kOn) {
    Addresses(top, "allowed_ips", api->mutable_ip()->mutable_allow());
    if (api->ip().allow_size() == 0) {
      top.Refuse("enable_ip_whitelisting", "is on, but allowed_ips is empty");
    }
  }
  if (SwitchOf(top, "enable_ip_blacklisting", "blacklisted_ips") == Switch::kOn) {
    Addresses(top, "blacklisted_ips", api->mutable_ip()->mutable_deny());
    if (api->ip().deny_size() == 0) top.Warn("enable_ip_blacklisting", "blacklisted_ips is empty");
  }
}

void Limits(const Fields& top, v1::Api* api) {
  api->set_disable_rate_limit(top.Flag("disable_rate_limit"));
  api->set_disable_quota(top.Flag("disable_quota"));
  const Fields rate = top.Object("global_rate_limit");
  rate.Check(ClassicRateRules());
  if (rate.Flag("disabled")) return;
  ReadRate(rate, api->mutable_limits());
  if (!api->limits().has_rate()) api->clear_limits();
}

void CorsOf(const Fields& top, v1::Api* api) {
  const Fields cors = top.Object("CORS");
  cors.Check(ClassicCorsRules());
  if (!cors.Flag("enable")) return;
  v1::Cors* out = api->mutable_cors();
  out->set_enabled(true);
  for (const std::string& text : cors.Texts("allowed_origins")) out->add_allowed_origins(text);
  for (const std::string& text : cors.Texts("allowed_methods")) out->add_allowed_methods(text);
  for (const std::string& text : cors.Texts("allowed_headers")) out->add_allowed_headers(text);
  for (const std::string& text : cors.Texts("exposed_headers")) out->add_exposed_headers(text);
  out->set_allow_credentials(cors.Flag("allow_credentials"));
  const int64_t age = cors.Integer("max_age");
  if (age < 0 || age > 86400 * 365)
    cors.Refuse("max_age", "is out of range");
  else
    out->set_max_age_seconds(static_cast<int32_t>(age));
  const bool any =
      out->allowed_origins().empty() || absl::c_linear_search(out->allowed_origins(), "*");
  if (any && out->allow_credentials()) {
    cors.Refuse("allow_credentials",
                "must not be on with allowed_origins \"*\", nor with none: that is every origin");
  }
}

// Objects whose form decides whether they say anything.
void OtherFeatures(const Fields& top) {
  const Fields middleware = top.Object("custom_middleware");
  if (middleware.node() != nullptr) {
    for (const auto& [phase, value] : middleware.node()->members) {
      if (phase == "driver" || !IsSet(value)) continue;  // `driver` runs nothing by itself
      middleware.Refuse(phase,
                        "plugins and custom middleware do not exist here: JavaScript runs in "
                        "virtual endpoints (extended_paths.virtual)");
    }
  }
  const Node* cache = top.Object("cache_options").Get("enable_cache");
  if (cache != nullptr && IsSet(*cache)) {
    top.Object("cache_options").Warn("enable_cache", "answers are not cached here");
  }
}

}  // namespace

void ReadRate(const Fields& object, v1::Limits* limits) {
  const double rate = object.Number("rate");
  const double per = object.Number("per");
  if (rate <= 0) return;  // 0 and -1: none
  if (per <= 0) return object.Refuse("per", "must be greater than 0 where a rate is set");
  limits->mutable_rate()->set_rate(rate);
  limits->mutable_rate()->set_per_seconds(per);
}

bool IsTykClassic(const Node& document) {
  if (!document.IsObject() || document.Find("kind") != nullptr) return false;
  const Node* proxy = document.Find("proxy");
  return (proxy != nullptr && proxy->IsObject()) ||
         (document.Find("api_id") != nullptr && document.Find("version_data") != nullptr);
}

Conversion ConvertTykClassic(const Node& definition, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&definition, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &definition, "an API definition must be an object");
    return out;
  }
  top.Check(ClassicRules());
  v1::Api api;
  api.set_id(top.Text("api_id"));
  api.set_org_id(top.Has("org_id") ? top.Text("org_id") : options.org_id);
  References references(api.org_id(), options, kTykClassic, &out);
  const Fields proxy = top.Object("proxy");
  proxy.Check(ClassicProxyRules());
  if (proxy.node() == nullptr) top.Refuse("proxy", "is missing");
  Identity(top, &api);
  Hosts(top, &api);
  Listen(top, proxy, &api);
  Authentication(top, &api);
  ClassicJwt(top, &references, &api);
  ClassicEvents(top, &api);
  StaticTls(top, &references, &api);
  ClassicUpstream(top, proxy, &references, &api);
  Converted converted;
  converted.proxy_password = ReadForwardProxy(proxy.Object("transport"), "proxy_url", &api);
  ClassicUpstreamAuth(top.Object("upstream_auth"), &api, &converted);
  ClassicVersions(top, &api);
  ClassicExpiration(top, &api);
  IpLists(top, &api);
  Limits(top, &api);
  CorsOf(top, &api);
  if (!top.Flag("config_data_disabled")) ReadScriptConfig(top, "config_data", &api);
  OtherFeatures(top);
  ClassicStream(top, proxy, &api);
  converted.resource.set_id(api.id());
  converted.resource.set_dialect(std::string(kTykClassic));
  Node kept = KeptDocument(definition, api.org_id());
  HideProxyPassword(kClassicProxyUrl, &kept);
  converted.resource.set_document(ToJson(kept));
  *converted.resource.mutable_api() = std::move(api);
  out.resources.push_back(std::move(converted));
  return out;
}

}  // namespace sallyport::authsvc::dialects
