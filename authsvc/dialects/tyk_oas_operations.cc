// middleware.operations of a Tyk OAS definition: joined with `paths` by operationId, each becomes
// path rules and endpoints (reference tyk.md §8.1).
#include <re2/re2.h>

#include <map>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/tyk_classic.h"
#include "authsvc/dialects/tyk_oas.h"
#include "authsvc/dialects/tyk_oas_fields.h"
#include "authsvc/dialects/tyk_oas_paths.h"
#include "authsvc/dialects/tyk_script.h"

namespace sallyport::authsvc::dialects {
namespace {

struct OasOperation {
  std::string path;
  std::string method;  // upper case
  std::string id;
};

constexpr absl::string_view kOasMethods[] = {"get",     "put",  "post",  "delete",
                                             "options", "head", "patch", "trace"};

// Of a path that is taken as text, who wrote these means something else: what blocks would not.
constexpr char kOfExpressions[] = "*[]^\\";

std::vector<OasOperation> OperationsOf(const Node& document) {
  std::vector<OasOperation> all;
  const Node* paths = document.Find("paths");
  if (paths == nullptr) return all;
  for (const auto& [path, item] : paths->members) {
    for (const absl::string_view method : kOasMethods) {
      const Node* operation = item.Find(method);
      if (operation == nullptr) continue;
      all.push_back(
          {path, absl::AsciiStrToUpper(method), std::string(operation->Text("operationId"))});
    }
  }
  return all;
}

// By operationId, and by the one that Tyk makes of path and method where no operation has that.
std::map<std::string, OasOperation> OperationsById(const std::vector<OasOperation>& all) {
  std::map<std::string, OasOperation> made;
  std::map<std::string, OasOperation> by_id;
  for (const OasOperation& one : all) {
    if (!one.id.empty()) by_id.insert({one.id, one});
    made.insert(
        {absl::StrCat(absl::StripPrefix(one.path, "/"), absl::AsciiStrToLower(one.method)), one});
  }
  by_id.merge(made);
  return by_id;
}

// kThatAlone: what changes, answers or exempts requests. kPrefix: what is let in; more than was
// meant would open the API. kAnywhere: what is blocked or limited, as in Tyk.
enum class Reach : uint8_t { kThatAlone, kPrefix, kAnywhere };

// One operation while it is read.
struct OperationContext {
  const Fields& operation;
  const OasOperation& target;
  // In front of its path, where the listen path is not taken off what rules look at; a regular
  // expression.
  const std::string& listen;
  bool any_case;
  v1::ApiVersion* version;
};

std::string OperationRegex(const OperationContext& at, Reach reach) {
  const std::string path = OasPathRegex(at.target.path);
  if (reach == Reach::kAnywhere) return path;
  return absl::StrCat("^", at.listen, path, reach == Reach::kThatAlone ? "$" : "");
}

// Whether the object is there and on.
bool ReadSwitched(const Fields& object, const ObjectRules& rules) {
  object.Check(rules);
  return object.node() != nullptr && IsOn(object);
}

bool FillOperationRule(const OperationContext& at, absl::string_view name, Reach reach,
                       v1::PathRule* rule) {
  rule->set_path(OperationRegex(at, reach));
  rule->add_methods(at.target.method);
  rule->set_ignore_case(at.any_case);
  const RE2 compiled(rule->path(), RE2::Quiet);
  if (compiled.ok()) return true;
  at.operation.Refuse(name, absl::StrCat("the path ", at.target.path, " is not understood"));
  return false;
}

void OasRule(const OperationContext& at, absl::string_view name, Reach reach,
             google::protobuf::RepeatedPtrField<v1::PathRule>* rules) {
  const Fields allowance = at.operation.Object(name);
  if (!ReadSwitched(allowance, OasAllowanceRules())) return;
  v1::PathRule rule;
  if (!FillOperationRule(at, name, reach, &rule)) return;
  if (allowance.Flag("ignoreCase")) rule.set_ignore_case(true);
  *rules->Add() = std::move(rule);
}

void ReadOasScript(const Fields& script, v1::Endpoint* endpoint) {
  const absl::string_view function = script.Has("functionName") ? "functionName" : "name";
  ReadScript(script, {function, "body", "path", "requireSession", "proxyOnError"},
             endpoint->mutable_virtual_endpoint());
}

void OasConditions(const Fields& trigger, v1::RewriteTrigger* out) {
  constexpr std::pair<absl::string_view, absl::string_view> kSources[] = {
      {"header", "header"},
      {"query", "query"},
      {"path", "path_part"},
      {"sessionMetadata", "metadata"}};
  const std::vector<Node>& rules = trigger.List("rules");
  for (size_t i = 0; i < rules.size(); ++i) {
    const Fields rule(&rules[i], ItemPath(trigger.PathOf("rules"), i), trigger.out());
    rule.Check(OasTriggerRuleRules());
    v1::RewriteCondition* condition = out->add_conditions();
    const std::string in = rule.Text("in");
    for (const auto& [name, source] : kSources) {
      if (in == name) condition->set_source(std::string(source));
    }
    if (in == "requestBody") {
      rule.Refuse("in", "requestBody: bodies are passed on, not read");
    } else if (condition->source().empty()) {
      rule.Refuse("in", absl::StrCat("\"", in, "\" does not exist here: header, query, path or ",
                                     "sessionMetadata"));
    }
    condition->set_name(rule.Text("name"));
    if (condition->name().empty()) rule.Refuse("name", "is missing");
    condition->set_pattern(ReadPathRegex(rule, "pattern", false));
    if (condition->pattern().empty()) rule.Refuse("pattern", "is missing");
    condition->set_reverse(rule.Flag("negate"));
  }
}

void ReadOasRewrite(const Fields& entry, v1::Endpoint* endpoint) {
  v1::Rewrite* rewrite = endpoint->mutable_rewrite();
  rewrite->set_pattern(ReadPathRegex(entry, "pattern", false));
  if (rewrite->pattern().empty()) entry.Refuse("pattern", "is missing");
  rewrite->set_target(RewriteTemplateOf(entry, "rewriteTo", -1));
  const std::vector<Node>& triggers = entry.List("triggers");
  for (size_t i = 0; i < triggers.size(); ++i) {
    const Fields item(&triggers[i], ItemPath(entry.PathOf("triggers"), i), entry.out());
    item.Check(OasTriggerRules());
    v1::RewriteTrigger* trigger = rewrite->add_triggers();
    const std::string condition = item.Text("condition");
    if (condition != "any" && condition != "all") item.Refuse("condition", "must be any or all");
    trigger->set_any(condition == "any");
    OasConditions(item, trigger);
    if (trigger->conditions().empty()) item.Refuse("rules", "says nothing to look at");
    trigger->set_target(RewriteTemplateOf(item, "rewriteTo", static_cast<int>(i)));
    if (trigger->target().empty()) item.Refuse("rewriteTo", "is missing");
  }
  if (rewrite->target().empty() && rewrite->triggers().empty())
    entry.Refuse("rewriteTo", "is missing");
}

// It comes after authentication and limits, as in Tyk.
void ReadOasMock(const Fields& mock, v1::Endpoint* endpoint) {
  mock.Object("fromOASExamples").Check(OasExamplesRules());
  std::map<std::string, std::string> headers;
  const std::vector<Node>& items = mock.List("headers");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields header(&items[i], ItemPath(mock.PathOf("headers"), i), mock.out());
    header.Check(OasHeaderRules());
    if (header.Text("name").empty()) header.Refuse("name", "is missing");
    headers[header.Text("name")] = header.Text("value");
  }
  ReadMock(mock, headers, endpoint->mutable_virtual_endpoint());
}

void ReadOasMethod(const Fields& entry, v1::Endpoint* endpoint) {
  endpoint->set_method(absl::AsciiStrToUpper(entry.Text("toMethod")));
  if (endpoint->method().empty()) entry.Refuse("toMethod", "is missing");
}

struct OasEndpointKind {
  absl::string_view member;
  ObjectRules (*rules)();
  void (*read)(const Fields& entry, v1::Endpoint* endpoint);
  Reach reach = Reach::kThatAlone;
};
const OasEndpointKind kOasEndpoints[] = {
    {"virtualEndpoint", OasVirtualEndpointRules, ReadOasScript},
    {"mockResponse", OasMockRules, ReadOasMock},
    {"urlRewrite", OasRewriteRules, ReadOasRewrite},
    {"transformRequestHeaders", OasHeadersRules,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       *endpoint->mutable_request_headers() = OasHeaderChange(entry);
     }},
    {"transformResponseHeaders", OasHeadersRules,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       *endpoint->mutable_response_headers() = OasHeaderChange(entry);
     }},
    {"transformRequestMethod", OasMethodRules, ReadOasMethod},
    {"enforceTimeout", OasSizeRules,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       ReadEndpointTimeout(entry, "value", endpoint);
     }},
    {"requestSizeLimit", OasSizeRules,
     [](const Fields& entry, v1::Endpoint* endpoint) {
       const int64_t limit = entry.Integer("value");
       if (limit <= 0) return entry.Refuse("value", "must be above 0: bytes");
       endpoint->set_max_body_bytes(limit);
     },
     Reach::kAnywhere},
};

void OasEndpoints(const OperationContext& at) {
  for (const OasEndpointKind& kind : kOasEndpoints) {
    const Fields entry = at.operation.Object(kind.member);
    if (!ReadSwitched(entry, kind.rules())) continue;
    v1::Endpoint endpoint;
    if (!FillOperationRule(at, kind.member, kind.reach, endpoint.mutable_rule())) continue;
    kind.read(entry, &endpoint);
    *at.version->add_endpoints() = std::move(endpoint);
  }
  const Fields mock = at.operation.Object("mockResponse");
  const Fields script = at.operation.Object("virtualEndpoint");
  if (mock.node() != nullptr && script.node() != nullptr && mock.Flag("enabled") &&
      script.Flag("enabled")) {
    at.operation.Refuse("mockResponse", "and virtualEndpoint are both on: one of them answers");
  }
}

// Those that middleware.operations says something of, by their ids. Of one kind the first endpoint
// that matches counts: the more exact path comes first.
std::vector<std::pair<std::string, OasOperation>> MoreExactFirst(
    const Fields& operations, const std::map<std::string, OasOperation>& known) {
  std::multimap<OasPathOrder, std::pair<std::string, OasOperation>> sorted;  // equals as they came
  for (const auto& [id, value] : operations.node()->members) {
    operations.Object(id).Check(OasOperationRules());
    if (operations.Object(id).node() == nullptr || !IsSet(value)) continue;
    const auto found = known.find(id);
    if (found == known.end()) {
      operations.Refuse(id, "is the operationId of no operation in paths");
      continue;
    }
    const std::string& path = found->second.path;
    if (path.find_first_of(kOfExpressions) != std::string::npos) {
      operations.Refuse(id, absl::StrCat("the path ", path,
                                         ": wildcards and expressions do not exist in paths, a "
                                         "{parameter} is one segment"));
      continue;
    }
    sorted.emplace(OasPathOrder(path), *found);
  }
  std::vector<std::pair<std::string, OasOperation>> out;
  for (auto& [order, operation] : sorted) out.push_back(std::move(operation));
  return out;
}

bool IsExempt(const Fields& operations, absl::string_view id) {
  const Fields exemption = operations.Object(id).Object("ignoreAuthentication");
  return exemption.node() != nullptr && exemption.Flag("enabled");
}

// An exemption must not open what is another operation, which demands that callers prove who they
// are.
void CheckExemptions(const Fields& operations,
                     const std::vector<std::pair<std::string, OasOperation>>& sorted,
                     const std::vector<OasOperation>& all, bool any_case) {
  std::set<std::pair<std::string, std::string>> exempt;
  for (const auto& [id, target] : sorted) {
    if (IsExempt(operations, id)) exempt.insert({target.method, target.path});
  }
  for (const auto& [id, target] : sorted) {
    if (!IsExempt(operations, id)) continue;
    const Fields operation = operations.Object(id);
    const bool folded = any_case || operation.Object("ignoreAuthentication").Flag("ignoreCase");
    const std::vector<uint8_t> kinds = OasPathOrder(target.path).kinds;
    for (const OasOperation& other : all) {
      if (other.method != target.method || exempt.count({other.method, other.path}) != 0) continue;
      if (kinds < OasPathOrder(other.path).kinds || !OasPathsMeet(target.path, other.path, folded))
        continue;
      operation.Refuse("ignoreAuthentication",
                       absl::StrCat("the path ", target.path, " means ", other.method, " ",
                                    other.path, " too, which is not exempt: exempt both or none"));
      break;
    }
  }
}

}  // namespace

v1::HeaderChange OasHeaderChange(const Fields& headers) {
  v1::HeaderChange change;
  const std::vector<Node>& items = headers.List("add");
  for (size_t i = 0; i < items.size(); ++i) {
    const Fields header(&items[i], ItemPath(headers.PathOf("add"), i), headers.out());
    header.Check(OasHeaderRules());
    const std::string name = header.Text("name");
    const std::string value = header.Text("value");
    if (name.empty()) header.Refuse("name", "is missing");
    if (absl::StrContains(value, "$tyk_") || absl::StrContains(value, "$secret_"))
      header.Refuse("value", "variables in headers do not exist here");
    (*change.mutable_set())[name] = value;
  }
  for (const std::string& name : headers.Texts("remove")) change.add_remove(name);
  return change;
}

void OasOperations(const Node& document, const Fields& middleware, v1::Api* api) {
  const Fields operations = middleware.Object("operations");
  if (operations.node() == nullptr) return;
  const Fields switched = middleware.Object("global").Object("ignoreCase");
  const bool any_case = switched.node() != nullptr && switched.Flag("enabled");
  v1::ApiVersion* version = api->mutable_versions(0);
  std::string listen;
  if (!api->strip_listen_path())
    listen = RE2::QuoteMeta(std::string(absl::StripSuffix(api->listen_path(), "/")));
  const std::vector<OasOperation> all = OperationsOf(document);
  const std::map<std::string, OasOperation> known = OperationsById(all);
  const auto sorted = MoreExactFirst(operations, known);
  CheckExemptions(operations, sorted, all, any_case);
  for (const auto& [id, target] : sorted) {
    const Fields operation = operations.Object(id);
    const OperationContext at{operation, target, listen, any_case, version};
    OasRule(at, "allow", Reach::kPrefix, version->mutable_allowed());
    OasRule(at, "block", Reach::kAnywhere, version->mutable_blocked());
    OasRule(at, "ignoreAuthentication", Reach::kThatAlone, version->mutable_ignored());
    OasEndpoints(at);
  }
}

}  // namespace sallyport::authsvc::dialects
