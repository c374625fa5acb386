#include "authsvc/dialects/apk/api.h"

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/backend.h"
#include "authsvc/dialects/apk/http_route.h"
#include "authsvc/dialects/apk/paths.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/apk/route_fields.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

// The one route of `production`; empty after a refusal.
std::string RouteOf(const Fields& spec) {
  const std::vector<Node>& items = spec.List("production");
  if (items.size() != 1) {
    spec.Refuse("production", "must have exactly one environment, which names one route");
    return "";
  }
  const Fields environment(&items[0], ItemPath(spec.PathOf("production"), 0), spec.out());
  environment.Check(EnvironmentRules());
  const absl::string_view list = environment.Has("routeRefs") ? "routeRefs" : "httpRouteRefs";
  const std::vector<std::string> routes = environment.Texts(list);
  if (routes.size() == 1) return routes[0];
  environment.Refuse(list, "must name exactly one HTTPRoute");
  return "";
}

class Composer {
 public:
  Composer(const Fields& spec, const KubeName& name, const ConvertOptions& options)
      : spec_(spec), name_(name), options_(options) {}

  ComposedApi Run() {
    spec_.Check(ApiSpecRules());
    Base();
    const std::string route = RouteOf(spec_);
    if (route.empty()) return std::move(out_);
    const Node* document = Find(kHttpRoute, route, "production");
    if (document != nullptr) Route(*document, route);
    if (!pending_ && spec_.out()->ok()) out_.api = std::move(api_);
    return std::move(out_);
  }

 private:
  // Null: it is not there, and the API waits for it.
  const Node* Find(absl::string_view kind, const std::string& name, absl::string_view field) {
    const KubeName other{name_.name_space, name};
    out_.reads.insert(ObjectId(kind, other));
    const Node* document = options_.apk == nullptr ? nullptr : options_.apk->Find(kind, other);
    if (document != nullptr) return document;
    pending_ = true;
    spec_.Warn(field, absl::StrCat("pending: ", kind, " ", name,
                                   " is not there yet: the API serves nothing until it comes"));
    return nullptr;
  }

  [[nodiscard]] Fields SpecOf(const Node& document, absl::string_view kind,
                              const std::string& name) const {
    return {document.Find("spec"), absl::StrCat(kind, " ", name_.name_space, "/", name, " spec"),
            spec_.out()};
  }

  void Base() {
    api_.set_id(name_.DottedId());
    api_.set_org_id(options_.org_id);
    api_.set_name(spec_.Text("apiName"));
    api_.set_style("apk");
    for (const absl::string_view field : {"apiName", "apiVersion", "basePath"}) {
      if (spec_.Text(field).empty()) spec_.Refuse(field, "is missing");
    }
    const std::string type = spec_.Text("apiType");
    if (!type.empty() && type != "REST")
      spec_.Refuse("apiType", "must be REST: other types are made by apk-conf here");
    Place place{spec_.Text("basePath"), spec_.Text("apiVersion"), spec_.Flag("isDefaultVersion")};
    const std::string wrong = place.base_path.empty() ? "" : WrongPath(place.base_path);
    if (!wrong.empty() || place.base_path.find_first_of("*{}") != std::string::npos)
      spec_.Refuse("basePath", wrong.empty() ? "must be without * and parameters" : wrong);
    // Written without its version, it is served there alone.
    if (RootOf(place) == RootOf({place.base_path, "", false})) place.version.clear();
    PutPaths(place, &api_, api_.add_versions());
  }

  void Route(const Node& document, const std::string& name) {
    OperationList operations(api_.mutable_versions(0));
    const ScopeNames scopes =
        [&](const std::string& scope) -> std::optional<std::vector<std::string>> {
      const Node* resource = Find(kScope, scope, "production");
      if (resource == nullptr) return std::nullopt;
      return ReadScopeSpec(SpecOf(*resource, kScope, scope));
    };
    const RouteParts parts =
        ReadRoute(SpecOf(document, kHttpRoute, name), name_, scopes, &operations);
    for (const std::string& host : parts.hosts) api_.add_hosts(host);
    for (const RouteBackend& backend : parts.backends) Target(backend);
    if (!PutResourceAuthentication(name_, options_, spec_.out(), &api_))
      PutAuthentication(Authentication(), spec_, "production", &api_);
    CheckScopes(spec_, "production", api_);
  }

  void Target(const RouteBackend& reference) {
    if (reference.service) {
      v1::Target* target = api_.mutable_upstream()->add_targets();
      target->set_url(absl::StrCat("http://", reference.name, ".", name_.name_space,
                                   ".svc.cluster.local:", reference.port));
      target->set_weight(reference.weight);
      return;
    }
    const Node* document = Find(kBackend, reference.name, "production");
    if (document == nullptr) return;
    References references(options_.org_id, options_, kApk, spec_.out());
    const KubeName name{name_.name_space, reference.name};
    const Backend backend =
        ReadBackend(SpecOf(*document, kBackend, reference.name), name, &references);
    AddBackend(backend, reference.weight, spec_, api_.mutable_upstream(), &out_.authorities);
  }

  const Fields& spec_;
  const KubeName& name_;
  const ConvertOptions& options_;
  v1::Api api_;
  ComposedApi out_;
  bool pending_ = false;
};

}  // namespace

ComposedApi ComposeApi(const Fields& spec, const KubeName& name, const ConvertOptions& options) {
  return Composer(spec, name, options).Run();
}

std::set<std::string> ReadsOf(const Node& document, const KubeName& name,
                              const ConvertOptions& options) {
  Conversion ignored;
  const Fields spec(document.Find("spec"), "spec", &ignored);
  return ComposeApi(spec, name, options).reads;
}

}  // namespace sallyport::authsvc::dialects::apk
