#include "authsvc/dialects/apk/http_route.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/route_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kOwnGroup = "dp.wso2.com";

// What the filters of one rule say.
struct Filters {
  v1::HeaderChange request;
  v1::HeaderChange response;
  bool changes = false;
  std::vector<std::string> scopes;
};

void ReadModifier(const Fields& modifier, v1::HeaderChange* change) {
  modifier.Check(HeaderModifierRules());
  for (const absl::string_view list : {"set", "add"}) {
    const std::vector<Node>& items = modifier.List(list);
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields item(&items[i], ItemPath(modifier.PathOf(list), i), modifier.out());
      item.Check(HeaderItemRules());
      const std::string name = item.Text("name");
      if (name.empty()) item.Refuse("name", "is missing");
      if (!change->mutable_set()->insert({name, item.Text("value")}).second)
        item.Refuse("name", absl::StrCat("`", name, "` is changed twice"));
    }
  }
  for (const std::string& name : modifier.Texts("remove")) change->add_remove(name);
}

// Regular expressions as APK's own tools write them: "/a/(.*)", "/a/([^/]+)/b", "/a((/.*)*)".
std::string TemplateOf(absl::string_view regex) {
  const bool below = absl::ConsumeSuffix(&regex, "((/.*)*)");
  std::string path;
  int parameters = 0;
  const std::vector<absl::string_view> segments =
      absl::StrSplit(absl::StripPrefix(regex, "/"), '/');
  // "[^/]" has a slash of its own: it splits in two.
  for (size_t i = 0; i < segments.size(); ++i) {
    absl::string_view segment = segments[i];
    const bool one = segment == "([^" && i + 1 < segments.size() &&
                     (segments[i + 1] == "]+)" || segments[i + 1] == "]*)");
    if (one) ++i;
    const bool last = i + 1 == segments.size();
    if (segment == "(.*)" && last && !below) {
      path += "/*";
    } else if (one || segment == "(.*)") {
      absl::StrAppend(&path, "/{p", ++parameters, "}");
    } else {
      absl::StrAppend(&path, "/", segment);
    }
  }
  return below ? path + "/*" : path;
}

class Route {
 public:
  Route(const Fields& spec, const KubeName& name, const ScopeNames& scope_names,
        OperationList* operations)
      : spec_(spec), name_(name), scope_names_(scope_names), list_(*operations) {}

  RouteParts Run() {
    spec_.Check(RouteSpecRules());
    parts_.hosts = spec_.Texts("hostnames");
    const std::vector<Node>& items = spec_.List("rules");
    if (items.empty()) spec_.Refuse("rules", "is missing: nothing is served");
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields rule(&items[i], ItemPath(spec_.PathOf("rules"), i), spec_.out());
      if (rule.node() == nullptr)
        spec_.Refuse("rules", "has an empty rule");
      else
        Rule(rule, i == 0);
    }
    list_.Finish();
    return std::move(parts_);
  }

 private:
  void Rule(const Fields& rule, bool first) {
    rule.Check(RouteRuleRules());
    std::vector<RouteBackend> backends;
    for (size_t i = 0; i < rule.List("backendRefs").size(); ++i) {
      const Fields reference(&rule.List("backendRefs")[i], ItemPath(rule.PathOf("backendRefs"), i),
                             rule.out());
      backends.push_back(BackendOf(reference));
    }
    if (backends.empty()) rule.Refuse("backendRefs", "is missing: it says where requests go");
    if (first)
      parts_.backends = backends;
    else if (backends != parts_.backends)
      rule.Refuse("backendRefs", "must be the same in every rule: an API has one upstream here");
    const Filters filters = FiltersOf(rule);
    const std::vector<Node>& matches = rule.List("matches");
    if (matches.empty()) Serve(rule, "/*", "", filters);
    for (size_t i = 0; i < matches.size(); ++i) {
      const Fields match(&matches[i], ItemPath(rule.PathOf("matches"), i), rule.out());
      match.Check(RouteMatchRules());
      Serve(match, PathOf(match), match.Text("method"), filters);
    }
  }

  RouteBackend BackendOf(const Fields& reference) const {
    reference.Check(BackendRefRules());
    RouteBackend backend;
    const std::string kind = reference.Text("kind");
    const std::string group = reference.Text("group");
    backend.service = kind.empty() || kind == "Service";
    backend.name = reference.Text("name");
    backend.port = reference.Integer("port");
    if (!IsKubeName(backend.name)) reference.Refuse("name", "is missing, or no name of an object");
    const bool known = backend.service ? group.empty() || group == "core"
                                       : kind == "Backend" && group == kOwnGroup;
    if (!known) reference.Refuse("kind", "must be Backend of dp.wso2.com, or Service");
    if (backend.service && (backend.port < 1 || backend.port > 65535))
      reference.Refuse("port", "must be 1 to 65535");
    const std::string name_space = reference.Text("namespace");
    if (!name_space.empty() && name_space != name_.name_space)
      reference.Refuse("namespace", "must be that of this object");
    const int64_t weight = reference.Integer("weight", 1);
    if (weight < 1 || weight > 1'000'000) reference.Refuse("weight", "must be 1 to 1000000");
    backend.weight = static_cast<uint32_t>(std::clamp<int64_t>(weight, 1, 1'000'000));
    return backend;
  }

  static std::string PathOf(const Fields& match) {
    const Fields path = match.Object("path");
    path.Check(RoutePathRules());
    const std::string type = path.Text("type").empty() ? "PathPrefix" : path.Text("type");
    std::string value = path.Text("value").empty() ? "/" : path.Text("value");
    if (type == "PathPrefix") {
      absl::string_view prefix = value;
      while (absl::ConsumeSuffix(&prefix, "/")) {
      }
      value = absl::StrCat(prefix, "/*");
    } else if (type == "RegularExpression") {
      value = TemplateOf(value);
    } else if (type != "Exact") {
      path.Refuse("type", "must be Exact, PathPrefix or RegularExpression");
    }
    const bool literal = value.find_first_of("()[]^$+|?\\") == std::string::npos;
    const std::string wrong = WrongPath(value);
    if (type == "RegularExpression" && !literal)
      path.Refuse("value",
                  "only expressions as APK writes them are taken: segments, `(.*)` and "
                  "`([^/]+)`");
    else if (!wrong.empty())
      path.Refuse("value", wrong);
    return value;
  }

  Filters FiltersOf(const Fields& rule) {
    Filters out;
    const std::vector<Node>& items = rule.List("filters");
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields filter(&items[i], ItemPath(rule.PathOf("filters"), i), rule.out());
      filter.Check(RouteFilterRules());
      const std::string type = filter.Text("type");
      if (type == "RequestHeaderModifier") {
        ReadModifier(filter.Object("requestHeaderModifier"), &out.request);
        out.changes = true;
      } else if (type == "ResponseHeaderModifier") {
        ReadModifier(filter.Object("responseHeaderModifier"), &out.response);
        out.changes = true;
      } else if (type == "ExtensionRef") {
        Extension(filter.Object("extensionRef"), &out);
      } else {
        filter.Refuse("type", absl::StrCat("filter ", type, " does not exist here"));
      }
    }
    return out;
  }

  void Extension(const Fields& reference, Filters* out) {
    reference.Check(ExtensionRefRules());
    const std::string name = reference.Text("name");
    if (reference.Text("kind") != kScope || reference.Text("group") != kOwnGroup) {
      return reference.Refuse(
          "kind", absl::StrCat("\"", reference.Text("kind"),
                               "\" cannot be followed for single operations: Scope of dp.wso2.com "
                               "alone is"));
    }
    parts_.scopes.push_back(name);
    const auto names = scope_names_(name);
    if (!names.has_value()) return;
    out->scopes.insert(out->scopes.end(), names->begin(), names->end());
  }

  void Serve(const Fields& at, const std::string& path, const std::string& method,
             const Filters& filters) {
    v1::Operation* operation = list_.Add(path, method);
    if (operation == nullptr) {
      at.Refuse("path", absl::StrCat(path, " with this method stands there twice"));
      return;
    }
    operation->mutable_scopes()->Add(filters.scopes.begin(), filters.scopes.end());
    if (!filters.changes) return;
    v1::Endpoint* endpoint = list_.Change(path, method);
    *endpoint->mutable_request_headers() = filters.request;
    *endpoint->mutable_response_headers() = filters.response;
  }

  const Fields& spec_;
  const KubeName& name_;
  const ScopeNames& scope_names_;
  OperationList& list_;
  RouteParts parts_;
};

}  // namespace

RouteParts ReadRoute(const Fields& spec, const KubeName& name, const ScopeNames& scope_names,
                     OperationList* operations) {
  return Route(spec, name, scope_names, operations).Run();
}

std::vector<std::string> ReadScopeSpec(const Fields& spec) {
  spec.Check(ScopeSpecRules());
  std::vector<std::string> names = spec.Texts("names");
  if (names.empty()) spec.Refuse("names", "is missing: a scope needs a name");
  for (const std::string& name : names) {
    if (name.empty() || absl::StrContains(name, ' '))
      spec.Refuse("names", "has an empty name, or one with a blank");
  }
  return names;
}

}  // namespace sallyport::authsvc::dialects::apk
