#include "authsvc/dialects/apk/http_route.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "authsvc/dialects/apk/policy.h"
#include "authsvc/dialects/apk/route_fields.h"
#include "authsvc/dialects/apk/route_rewrite.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kOwnGroup = "dp.wso2.com";

// What the filters of one rule say.
struct Filters {
  v1::HeaderChange request;
  v1::HeaderChange response;
  bool changes = false;
  std::vector<std::string> scopes;
  std::optional<v1::RateLimit> rate;
  bool open = false;
  PathChange path;
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

// What an operation's path says by characters is not written here, where they stand for themselves.
bool HasTemplateCharacter(absl::string_view type, absl::string_view value) {
  const std::string left =
      type == "RegularExpression"
          ? absl::StrReplaceAll(value, {{"((/.*)*)", ""}, {"(.*)", ""}, {"([^/]*)", ""}})
          : std::string(value);
  return left.find_first_of("{}*") != std::string::npos;
}

class Route {
 public:
  Route(const Fields& spec, const KubeName& name, const std::vector<std::string>& grpc_prefixes,
        const RouteNeighbours& neighbours, OperationList* operations)
      : spec_(spec),
        name_(name),
        grpc_prefixes_(grpc_prefixes),
        neighbours_(neighbours),
        list_(*operations) {}

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
    if (first) parts_.backends = backends;
    const std::string server = ServerOf(rule, backends);
    const Filters filters = FiltersOf(rule);
    const std::vector<Node>& matches = rule.List("matches");
    const bool grpc = !grpc_prefixes_.empty();
    if (grpc && filters.path.kind != PathChange::Kind::kNone)
      rule.Refuse("filters", "URLRewrite does not go with GRPCRoute");
    if (matches.empty()) Serve(rule, PrefixPath("/"), grpc ? "POST" : "", filters, server);
    for (size_t i = 0; i < matches.size(); ++i) {
      const Fields match(&matches[i], ItemPath(rule.PathOf("matches"), i), rule.out());
      match.Check(grpc ? GrpcMatchRules() : RouteMatchRules());
      if (grpc)
        ServeGrpc(match, filters, server);
      else
        Serve(match, PathOf(match), match.Text("method"), filters, server);
    }
  }

  // A method of a service, or all of it.
  void ServeGrpc(const Fields& match, const Filters& filters, const std::string& server) {
    const Fields called = match.Object("method");
    called.Check(GrpcMethodRules());
    const std::string type = called.Text("type");
    const std::string service = called.Text("service");
    const std::string method = called.Text("method");
    if (!type.empty() && type != "Exact") called.Refuse("type", "must be Exact");
    if (service.empty()) return match.Refuse("method.service", "is missing");
    for (const auto& [field, text] : {std::pair{"service", service}, {"method", method}}) {
      if (!IsGrpcName(text)) called.Refuse(field, "must be the name of a service, or of a method");
    }
    for (const std::string& prefix : grpc_prefixes_) {
      const std::string path = absl::StrCat(prefix, service);
      Serve(match, method.empty() ? PrefixPath(path) : ExactPath(absl::StrCat(path, "/", method)),
            "POST", filters, server);
    }
  }

  // Of a rule that goes elsewhere than the API's upstream; empty: it does not, or is not known yet.
  std::string ServerOf(const Fields& rule, const std::vector<RouteBackend>& backends) const {
    if (backends.empty() || parts_.backends.empty() || backends == parts_.backends) return "";
    if (backends.size() > 1) {
      rule.Refuse(
          "backendRefs",
          "several, and others than those of the first rule: a rule of its own goes to one");
      return "";
    }
    if (!neighbours_.backend_url) return "";
    return neighbours_.backend_url(backends.front()).value_or("");
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

  static RoutePath PathOf(const Fields& match) {
    const Fields path = match.Object("path");
    path.Check(RoutePathRules());
    const std::string type = path.Text("type").empty() ? "PathPrefix" : path.Text("type");
    const std::string value = path.Text("value").empty() ? "/" : path.Text("value");
    RoutePath out = type == "PathPrefix"          ? PrefixPath(value)
                    : type == "RegularExpression" ? ExpressionPath(value)
                                                  : ExactPath(value);
    if (type != "PathPrefix" && type != "RegularExpression" && type != "Exact")
      path.Refuse("type", "must be Exact, PathPrefix or RegularExpression");
    const bool literal = out.path.find_first_of("()[]^$+|?\\") == std::string::npos;
    const std::string wrong = WrongPath(out.path);
    if (type == "RegularExpression" && !literal)
      path.Refuse("value",
                  "only expressions as APK writes them are taken: segments, `(.*)` and "
                  "`([^/]+)`");
    else if (HasTemplateCharacter(type, value))
      path.Refuse("value", absl::StrCat("`", value, "` has {, } or *, which no path here has"));
    else if (!wrong.empty())
      path.Refuse("value", wrong);
    return out;
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
      } else if (type == "URLRewrite") {
        if (out.path.kind != PathChange::Kind::kNone)
          filter.Refuse("type", "URLRewrite stands there twice");
        out.path = ReadUrlRewrite(filter.Object("urlRewrite"));
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
    const std::string kind = reference.Text("kind");
    const bool known = kind == kScope || kind == kRateLimitPolicy || kind == kAuthentication;
    if (!known || reference.Text("group") != kOwnGroup) {
      return reference.Refuse(
          "kind", absl::StrCat("\"", kind,
                               "\" cannot be followed for single operations: Authentication, "
                               "RateLimitPolicy and Scope of dp.wso2.com alone are"));
    }
    if (kind == kRateLimitPolicy) {
      if (out->rate.has_value()) reference.Refuse("name", "a second RateLimitPolicy for one rule");
      if (neighbours_.rate_limit) out->rate = neighbours_.rate_limit(name);
      return;
    }
    if (kind == kAuthentication) {
      if (neighbours_.opens) out->open = neighbours_.opens(name).value_or(false) || out->open;
      return;
    }
    if (!neighbours_.scope_names) return;
    const auto names = neighbours_.scope_names(name);
    if (names.has_value()) out->scopes.insert(out->scopes.end(), names->begin(), names->end());
  }

  void Serve(const Fields& at, const RoutePath& path, const std::string& method,
             const Filters& filters, const std::string& server) {
    v1::Operation* operation = list_.Add(path.path, method);
    if (operation == nullptr) {
      at.Refuse("path", absl::StrCat(path.path, " with this method stands there twice"));
      return;
    }
    operation->mutable_scopes()->Add(filters.scopes.begin(), filters.scopes.end());
    operation->set_open(filters.open);
    if (filters.open && !filters.scopes.empty())
      at.Refuse("filters", "a Scope cannot be asked for where an Authentication asks for no token");
    if (filters.rate.has_value()) *operation->mutable_rate() = *filters.rate;
    v1::Endpoint changes;
    if (!PutRewrite(path, filters.path, server, at, &changes)) return;
    if (filters.changes) {
      *changes.mutable_request_headers() = filters.request;
      *changes.mutable_response_headers() = filters.response;
    }
    if (changes.ByteSizeLong() == 0) return;
    v1::Endpoint* endpoint = list_.Change(path.path, method);
    changes.mutable_rule()->Swap(endpoint->mutable_rule());
    endpoint->Swap(&changes);
  }

  const Fields& spec_;
  const KubeName& name_;
  const std::vector<std::string>& grpc_prefixes_;
  const RouteNeighbours& neighbours_;
  OperationList& list_;
  RouteParts parts_;
};

}  // namespace

RouteParts ReadRoute(const Fields& spec, const KubeName& name,
                     const std::vector<std::string>& grpc_prefixes,
                     const RouteNeighbours& neighbours, OperationList* operations) {
  return Route(spec, name, grpc_prefixes, neighbours, operations).Run();
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
