#include <optional>

#include "absl/algorithm/container.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_script.h"

namespace sallyport::authsvc::dialects {
namespace {

void OasScriptConfig(const Fields& global, v1::Api* api) {
  const Fields plugins = global.Object("pluginConfig");
  plugins.Check(OasPluginConfigRules());
  const Fields data = plugins.Object("data");
  data.Check(OasPluginDataRules());
  if (data.node() != nullptr && IsOn(data)) ReadScriptConfig(data, "value", api);
}

void OasCors(const Fields& global, v1::Api* api) {
  const Fields cors = global.Object("cors");
  cors.Check(OasCorsRules());
  if (cors.node() == nullptr || !IsOn(cors)) return;
  v1::Cors* out = api->mutable_cors();
  out->set_enabled(true);
  for (const std::string& text : cors.Texts("allowedOrigins")) out->add_allowed_origins(text);
  for (const std::string& text : cors.Texts("allowedMethods")) out->add_allowed_methods(text);
  for (const std::string& text : cors.Texts("allowedHeaders")) out->add_allowed_headers(text);
  for (const std::string& text : cors.Texts("exposedHeaders")) out->add_exposed_headers(text);
  out->set_allow_credentials(cors.Flag("allowCredentials"));
  const int64_t age = cors.Integer("maxAge");
  if (age < 0 || age > 86400 * 365)
    cors.Refuse("maxAge", "is out of range");
  else
    out->set_max_age_seconds(static_cast<int32_t>(age));
  const bool any =
      out->allowed_origins().empty() || absl::c_linear_search(out->allowed_origins(), "*");
  if (any && out->allow_credentials()) {
    cors.Refuse("allowCredentials",
                "must not be on with allowedOrigins \"*\", nor with none: that is every origin");
  }
}

std::optional<v1::HeaderChange> OasHeaders(const Fields& global, absl::string_view name) {
  const Fields headers = global.Object(name);
  headers.Check(OasHeadersRules());
  if (headers.node() == nullptr || !IsOn(headers)) return std::nullopt;
  return OasHeaderChange(headers);
}

void OasSizeLimit(const Fields& global, v1::ApiVersion* version) {
  const Fields limit = global.Object("requestSizeLimit");
  limit.Check(OasSizeRules());
  if (limit.node() == nullptr || !IsOn(limit)) return;
  const int64_t bytes = limit.Integer("value");
  if (bytes <= 0) return limit.Refuse("value", "must be greater than 0 where enabled is true");
  version->set_max_body_bytes(bytes);
}

}  // namespace

void OasMiddleware(const Fields& middleware, v1::Api* api) {
  v1::ApiVersion* version = api->add_versions();
  middleware.Check(OasMiddlewareRules());
  const Fields global = middleware.Object("global");
  global.Check(OasGlobalRules());
  OasCors(global, api);
  if (auto change = OasHeaders(global, "transformRequestHeaders"))
    *version->mutable_request_headers() = *std::move(change);
  if (auto change = OasHeaders(global, "transformResponseHeaders"))
    *version->mutable_response_headers() = *std::move(change);
  OasSizeLimit(global, version);
  OasScriptConfig(global, api);
  api->set_disable_rate_limit(global.Flag("skipRateLimit"));
  api->set_disable_quota(global.Flag("skipQuota"));
  const Fields any_case = global.Object("ignoreCase");
  any_case.Check(OasSwitchRules());
  if (any_case.node() != nullptr) (void)IsOn(any_case);  // of paths of operations: it must be said
}

}  // namespace sallyport::authsvc::dialects
