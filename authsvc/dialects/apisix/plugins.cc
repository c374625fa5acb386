#include "authsvc/dialects/apisix/plugins.h"

#include "absl/strings/str_cat.h"

namespace sallyport::authsvc::dialects::apisix {
namespace {

absl::Status AddFrom(const Json& object, Json* out) {
  const Json* const plugins = Get(object, "plugins");
  if (plugins == nullptr) return absl::OkStatus();
  if (auto status = CheckPlugins(*plugins, false); !status.ok()) return status;
  for (const auto& [name, conf] : plugins->items()) {
    if (out->find(name) == out->end()) (*out)[name] = conf;
  }
  return absl::OkStatus();
}

bool Disabled(const Json& conf) {
  const Json* const meta = Get(conf, "_meta");
  return meta != nullptr && Flag(*meta, "disable", false);
}

absl::Status AddGlobal(absl::string_view id, const Json& rule, Json* out) {
  const Json* const plugins = Get(rule, "plugins");
  if (plugins == nullptr) return absl::OkStatus();
  for (const auto& [name, conf] : plugins->items()) {
    if (Disabled(conf)) continue;
    if (out->find(name) != out->end())
      return Wrong(absl::StrCat("plugin ", name, " is in force by global rule ", id,
                                " as well: it can stand in one place"));
    (*out)[name] = conf;
  }
  return absl::OkStatus();
}

void KeyAuth(const Json& conf, v1::TokenAuth* token) {
  token->set_enabled(true);
  token->set_header_name(Get(conf, "header") ? Text(conf, "header") : "apikey");
  token->set_use_query(true);
  token->set_query_name(Get(conf, "query") ? Text(conf, "query") : "apikey");
  token->set_strip(Flag(conf, "hide_credentials", false));
}

absl::Status JwtAuth(const Json& conf, v1::Api* api) {
  const auto name = [&](const char* member, const char* otherwise) {
    return Get(conf, member) ? Text(conf, member) : std::string(otherwise);
  };
  if (name("key_claim_name", "key") != "key")
    return Wrong(
        "failed to check the configuration of plugin jwt-auth err: key_claim_name is refused: "
        "consumers are told by the claim key");
  v1::JwtAuth* const jwt = api->add_jwts();
  jwt->set_requirement(v1::REQUIREMENT_MANDATORY);
  jwt->set_header_name(name("header", "authorization"));
  jwt->set_query_name(name("query", "jwt"));
  jwt->set_cookie_name(name("cookie", "jwt"));
  jwt->set_strip(Flag(conf, "hide_credentials", false));
  return absl::OkStatus();
}

absl::Status Addresses(const Json& conf, v1::IpRules* rules) {
  std::vector<std::string> allow, deny;
  if (auto status = Texts(conf, "whitelist", &allow); !status.ok()) return status;
  if (auto status = Texts(conf, "blacklist", &deny); !status.ok()) return status;
  if (allow.empty() == deny.empty())
    return Wrong(
        "failed to check the configuration of plugin ip-restriction err: value should match only "
        "one schema, but matches none");
  for (std::string& one : allow) rules->add_allow(std::move(one));
  for (std::string& one : deny) rules->add_deny(std::move(one));
  return absl::OkStatus();
}

}  // namespace

absl::Status PluginsInForce(const Json& route, const Json* service, const Objects& objects,
                            Json* out) {
  *out = Json::object();
  if (auto status = AddFrom(route, out); !status.ok()) return status;
  const std::string id = Id(route, "plugin_config_id");
  if (!id.empty()) {
    const Object config = objects.Find("plugin_configs", id);
    if (config.object == nullptr)
      return Plain(absl::StrCat("failed to fetch plugin config info by plugin config id [", id,
                                "], response code: 404"));
    if (auto status = AddFrom(*config.document, out); !status.ok()) return status;
  }
  if (service != nullptr) {
    if (auto status = AddFrom(*service, out); !status.ok()) return status;
  }
  for (auto at = out->begin(); at != out->end();) {
    at = Disabled(*at) ? out->erase(at) : std::next(at);
  }
  absl::Status status;
  objects.ForEach("global_rules", [&](absl::string_view rule, const Object& object) {
    if (status.ok()) status = AddGlobal(rule, *object.document, out);
  });
  return status;
}

absl::Status ApplyPlugins(const Json& plugins, v1::Api* api) {
  for (const auto& [name, conf] : plugins.items()) {
    if (name == "key-auth") {
      KeyAuth(conf, api->mutable_token());
    } else if (name == "jwt-auth") {
      if (auto status = JwtAuth(conf, api); !status.ok()) return status;
    } else if (name == "mtls-auth") {
      api->mutable_client_tls()->set_dynamic_mtls(true);
    } else if (name == "ip-restriction") {
      if (auto status = Addresses(conf, api->mutable_ip()); !status.ok()) return status;
    } else {
      return Wrong(absl::StrCat("unknown plugin [", name, "]"));
    }
  }
  const bool tokens = api->token().enabled() || !api->jwts().empty();
  api->set_keyless(!tokens && !api->client_tls().dynamic_mtls());
  return absl::OkStatus();
}

}  // namespace sallyport::authsvc::dialects::apisix
