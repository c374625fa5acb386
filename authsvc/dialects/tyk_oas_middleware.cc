#include <re2/re2.h>

#include <map>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_script.h"

namespace sallyport::authsvc::dialects {
namespace {

struct OasOperation {
  std::string path;
  std::string method;  // upper case
};

constexpr absl::string_view kOasMethods[] = {"get",     "put",  "post",  "delete",
                                             "options", "head", "patch", "trace"};

// By operationId, and by the one that Tyk makes of path and method where no operation has that.
std::map<std::string, OasOperation> OperationsById(const Node& document) {
  std::map<std::string, OasOperation> made;
  std::map<std::string, OasOperation> by_id;
  const Node* paths = document.Find("paths");
  if (paths == nullptr) return by_id;
  for (const auto& [path, item] : paths->members) {
    for (const absl::string_view method : kOasMethods) {
      const Node* operation = item.Find(method);
      if (operation == nullptr) continue;
      const OasOperation found{path, absl::AsciiStrToUpper(method)};
      const std::string id(operation->Text("operationId"));
      if (!id.empty()) by_id.insert({id, found});
      made.insert({absl::StrCat(absl::StripPrefix(path, "/"), method), found});
    }
  }
  by_id.merge(made);
  return by_id;
}

enum class OperationList : uint8_t { kAllowed, kBlocked, kIgnored };

// What is let in must begin like the path, what is exempt must be it: more than was meant would
// open the API. What is blocked may stand anywhere, as in Tyk.
std::string OperationRegex(const std::string& path, OperationList list) {
  const std::string regex = SegmentsToRegex(path);
  if (list == OperationList::kBlocked) return regex;
  return absl::StrCat("^", regex, list == OperationList::kIgnored ? "$" : "");
}

void OasRule(const Fields& operation, absl::string_view name, OperationList list,
             const OasOperation& target, bool any_case,
             google::protobuf::RepeatedPtrField<v1::PathRule>* rules) {
  const Fields allowance = operation.Object(name);
  allowance.Check(OasAllowanceRules());
  if (allowance.node() == nullptr || !IsOn(allowance)) return;
  const std::string regex = OperationRegex(target.path, list);
  const RE2 compiled(regex, RE2::Quiet);
  if (!compiled.ok())
    return operation.Refuse(name, absl::StrCat("the path ", target.path, " is not understood"));
  v1::PathRule* rule = rules->Add();
  rule->set_path(regex);
  rule->add_methods(target.method);
  rule->set_ignore_case(any_case || allowance.Flag("ignoreCase"));
}

// That path and method and no other: the script answers an operation, not what begins like it.
void OasVirtualEndpoint(const Fields& operation, const OasOperation& target, bool any_case,
                        v1::ApiVersion* version) {
  const Fields script = operation.Object("virtualEndpoint");
  script.Check(OasVirtualEndpointRules());
  if (script.node() == nullptr || !IsOn(script)) return;
  v1::Endpoint* endpoint = version->add_endpoints();
  v1::PathRule* rule = endpoint->mutable_rule();
  rule->set_path(absl::StrCat("^", SegmentsToRegex(target.path), "$"));
  rule->add_methods(target.method);
  rule->set_ignore_case(any_case);
  const absl::string_view function = script.Has("functionName") ? "functionName" : "name";
  ReadScript(script, {function, "body", "path", "requireSession", "proxyOnError"},
             endpoint->mutable_virtual_endpoint());
}

void OasScriptConfig(const Fields& global, v1::Api* api) {
  const Fields plugins = global.Object("pluginConfig");
  plugins.Check(OasPluginConfigRules());
  const Fields data = plugins.Object("data");
  data.Check(OasPluginDataRules());
  if (data.node() != nullptr && IsOn(data)) ReadScriptConfig(data, "value", api);
}

void OasOperations(const Node& document, const Fields& middleware, bool any_case,
                   v1::ApiVersion* version) {
  const Fields operations = middleware.Object("operations");
  if (operations.node() == nullptr) return;
  const std::map<std::string, OasOperation> known = OperationsById(document);
  for (const auto& [id, value] : operations.node()->members) {
    const Fields operation = operations.Object(id);
    operation.Check(OasOperationRules());
    if (operation.node() == nullptr || !IsSet(value)) continue;
    const auto found = known.find(id);
    if (found == known.end()) {
      operations.Refuse(id, "is the operationId of no operation in paths");
      continue;
    }
    const OasOperation& target = found->second;
    OasRule(operation, "allow", OperationList::kAllowed, target, any_case,
            version->mutable_allowed());
    OasRule(operation, "block", OperationList::kBlocked, target, any_case,
            version->mutable_blocked());
    OasRule(operation, "ignoreAuthentication", OperationList::kIgnored, target, any_case,
            version->mutable_ignored());
    OasVirtualEndpoint(operation, target, any_case, version);
  }
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

void OasHeaders(const Fields& global, v1::ApiVersion* version) {
  const Fields headers = global.Object("transformRequestHeaders");
  headers.Check(OasHeadersRules());
  if (headers.node() == nullptr || !IsOn(headers)) return;
  const std::vector<Node>& items = headers.List("add");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields header(&items[i], ItemPath(headers.PathOf("add"), i), headers.out());
    header.Check(OasHeaderRules());
    const std::string name = header.Text("name");
    const std::string value = header.Text("value");
    if (name.empty()) header.Refuse("name", "is missing");
    if (absl::StrContains(value, "$tyk_") || absl::StrContains(value, "$secret_"))
      header.Refuse("value", "variables in headers do not exist here");
    (*version->mutable_request_headers()->mutable_set())[name] = value;
  }
  for (const std::string& name : headers.Texts("remove"))
    version->mutable_request_headers()->add_remove(name);
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

void OasMiddleware(const Node& document, const Fields& middleware, v1::Api* api) {
  v1::ApiVersion* version = api->add_versions();
  middleware.Check(OasMiddlewareRules());
  const Fields global = middleware.Object("global");
  global.Check(OasGlobalRules());
  OasCors(global, api);
  OasHeaders(global, version);
  OasSizeLimit(global, version);
  OasScriptConfig(global, api);
  api->set_disable_rate_limit(global.Flag("skipRateLimit"));
  api->set_disable_quota(global.Flag("skipQuota"));
  const Fields any_case = global.Object("ignoreCase");
  any_case.Check(OasSwitchRules());
  OasOperations(document, middleware, any_case.node() != nullptr && IsOn(any_case), version);
}

}  // namespace sallyport::authsvc::dialects
