#include "authsvc/dialects/apk/api.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/backend.h"
#include "authsvc/dialects/apk/endpoints.h"
#include "authsvc/dialects/apk/http_route.h"
#include "authsvc/dialects/apk/paths.h"
#include "authsvc/dialects/apk/policy.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/apk/route_fields.h"
#include "authsvc/dialects/apk/sandbox.h"
#include "shared/domain/host_pattern.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

// The one route of an environment; empty: there is none, or after a refusal.
std::string RouteOf(const Fields& spec, absl::string_view kind) {
  const std::vector<Node>& items = spec.List(kind);
  if (items.empty() && kind == kSandbox) return "";
  if (items.size() != 1) {
    spec.Refuse(kind, "must have exactly one environment, which names one route");
    return "";
  }
  const Fields environment(&items[0], ItemPath(spec.PathOf(kind), 0), spec.out());
  environment.Check(EnvironmentRules());
  const absl::string_view list = environment.Has("routeRefs") ? "routeRefs" : "httpRouteRefs";
  const std::vector<std::string> routes = environment.Texts(list);
  if (routes.size() == 1) return routes[0];
  environment.Refuse(list, "must name exactly one route");
  return "";
}

// Makes the core's API of one environment.
class Composer {
 public:
  Composer(const Fields& spec, const KubeName& name, const ConvertOptions& options,
           absl::string_view environment, std::set<std::string>* reads)
      : spec_(spec), name_(name), options_(options), environment_(environment), reads_(*reads) {
    out_.id = environment == kSandbox ? SandboxId(name.DottedId()) : name.DottedId();
  }

  ComposedEnvironment Run(const std::string& route) {
    Base();
    const absl::string_view kind = grpc_ ? kGrpcRoute : kHttpRoute;
    const Node* document = Find(kind, route);
    if (document != nullptr) Route(SpecOf(*document, kind, route));
    if (!pending_ && spec_.out()->ok()) out_.api = std::move(api_);
    return std::move(out_);
  }

 private:
  // Null: it is not there, and the API waits for it.
  const Node* Find(absl::string_view kind, const std::string& name) {
    const KubeName other{name_.name_space, name};
    reads_.insert(ObjectId(kind, other));
    const Node* document = options_.apk == nullptr ? nullptr : options_.apk->Find(kind, other);
    if (document != nullptr) return document;
    pending_ = true;
    spec_.Warn(environment_,
               absl::StrCat("pending: ", kind, " ", name,
                            " is not there yet: the API serves nothing until it comes"));
    return nullptr;
  }

  [[nodiscard]] Fields SpecOf(const Node& document, absl::string_view kind,
                              const std::string& name) const {
    return {document.Find("spec"), absl::StrCat(kind, " ", name_.name_space, "/", name, " spec"),
            spec_.out()};
  }

  void Base() {
    api_.set_id(out_.id);
    api_.set_org_id(options_.org_id);
    api_.set_name(spec_.Text("apiName"));
    api_.set_style("apk");
    for (const absl::string_view field : {"apiName", "apiVersion", "basePath"}) {
      if (spec_.Text(field).empty()) spec_.Refuse(field, "is missing");
    }
    const std::string type = spec_.Text("apiType");
    grpc_ = type == "GRPC";
    if (!type.empty() && type != "REST" && !grpc_)
      spec_.Refuse("apiType", "must be REST or GRPC: other types are made by apk-conf here");
    Place place{spec_.Text("basePath"), spec_.Text("apiVersion"), spec_.Flag("isDefaultVersion")};
    const std::string wrong = place.base_path.empty() ? "" : WrongPath(place.base_path);
    if (!wrong.empty() || place.base_path.find_first_of("*{}") != std::string::npos)
      spec_.Refuse("basePath", wrong.empty() ? "must be without * and parameters" : wrong);
    if (grpc_) return GrpcPaths(place);
    // Written without its version, it is served there alone.
    if (RootOf(place) == RootOf({place.base_path, "", false})) place.version.clear();
    PutPaths(place, &api_, api_.add_versions());
  }

  // "/org.apk.v1" is "/org.apk" by its version.
  void GrpcPaths(Place place) {
    absl::string_view base = place.base_path;
    if (absl::ConsumeSuffix(&base, absl::StrCat(".", place.version)))
      place.base_path = std::string(base);
    else
      place.version.clear();
    api_.add_versions();
    grpc_prefixes_ = PutGrpcPaths(place, &api_);
  }

  RouteNeighbours Neighbours() {
    RouteNeighbours out;
    out.scope_names = [this](const std::string& scope) -> std::optional<std::vector<std::string>> {
      const Node* resource = Find(kScope, scope);
      if (resource == nullptr) return std::nullopt;
      return ReadScopeSpec(SpecOf(*resource, kScope, scope));
    };
    out.rate_limit = [this](const std::string& policy) -> std::optional<v1::RateLimit> {
      const Node* resource = Find(kRateLimitPolicy, policy);
      if (resource == nullptr) return std::nullopt;
      return ReadRateLimitPolicy(SpecOf(*resource, kRateLimitPolicy, policy));
    };
    out.opens = [this](const std::string& authentication) -> std::optional<bool> {
      const Node* resource = Find(kAuthentication, authentication);
      if (resource == nullptr) return std::nullopt;
      return OpensOperations(SpecOf(*resource, kAuthentication, authentication));
    };
    out.backend_url = [this](const RouteBackend& backend) -> std::optional<std::string> {
      auto resolved = Resolve(backend);
      if (!resolved.has_value()) return std::nullopt;
      std::string url = resolved->url;
      others_.push_back(*std::move(resolved));
      return url;
    };
    return out;
  }

  void Route(const Fields& route) {
    OperationList operations(api_.mutable_versions(0));
    const RouteParts parts = ReadRoute(route, name_, grpc_prefixes_, Neighbours(), &operations);
    for (const std::string& host : parts.hosts) api_.add_hosts(host);
    out_.hosts = parts.hosts;
    v1::Upstream* upstream = api_.mutable_upstream();
    for (const RouteBackend& reference : parts.backends) {
      const auto backend = Resolve(reference);
      if (backend.has_value())
        AddBackend(*backend, reference.weight, spec_, upstream, &out_.authorities);
    }
    if (grpc_) SetGrpcProtocol(upstream);
    for (const Backend& other : others_) AddOtherBackend(other, spec_, upstream, &out_.authorities);
    if (!PutResourceAuthentication(name_, options_, spec_.out(), &api_))
      PutAuthentication(Authentication(), spec_, environment_, &api_);
    PutPolicies(name_, options_, spec_.out(), &api_);
    CheckScopes(spec_, environment_, api_);
  }

  // Nothing: it is not there.
  std::optional<Backend> Resolve(const RouteBackend& reference) {
    Backend backend;
    if (reference.service) {
      backend.place = absl::StrCat(reference.name, ".", name_.name_space,
                                   ".svc.cluster.local:", reference.port);
      backend.url = absl::StrCat("http://", backend.place);
      return backend;
    }
    const Node* document = Find(kBackend, reference.name);
    if (document == nullptr) return std::nullopt;
    References references(options_.org_id, options_, kApk, spec_.out());
    const KubeName name{name_.name_space, reference.name};
    return ReadBackend(SpecOf(*document, kBackend, reference.name), name, &references);
  }

  const Fields& spec_;
  const KubeName& name_;
  const ConvertOptions& options_;
  const absl::string_view environment_;
  std::set<std::string>& reads_;
  v1::Api api_;
  std::vector<Backend> others_;  // of rules that go elsewhere
  ComposedEnvironment out_;
  bool grpc_ = false;
  std::vector<std::string> grpc_prefixes_;
  bool pending_ = false;
};

bool AnyServes(const std::vector<std::string>& hosts, const std::string& host) {
  return std::any_of(hosts.begin(), hosts.end(), [&](const std::string& one) {
    const auto pattern = domain::HostPattern::Parse(one);
    return one == host || (pattern.ok() && pattern->Matches(host, false));
  });
}

// Sandbox and production are told apart by their hosts alone, and production must not serve those
// of a sandbox that waits.
void CheckHosts(const Fields& spec, const ComposedApi& composed) {
  if (composed.environments.size() < 2) return;
  const auto& production = composed.environments[0].hosts;
  const auto& sandbox = composed.environments[1].hosts;
  const absl::string_view nameless =
      "its route must have hostnames: the other is told from it by them";
  if (production.has_value() && production->empty()) spec.Refuse(kProduction, nameless);
  if (!sandbox.has_value()) return;
  if (sandbox->empty()) spec.Refuse(kSandbox, nameless);
  if (!production.has_value()) return;
  for (const std::string& host : *sandbox) {
    if (AnyServes(*production, host))
      spec.Refuse(kSandbox, absl::StrCat("host ", host, " is that of production, too"));
  }
}

}  // namespace

ComposedApi ComposeApi(const Fields& spec, const KubeName& name, const ConvertOptions& options) {
  ComposedApi composed;
  spec.Check(ApiSpecRules());
  for (const absl::string_view environment : {kProduction, kSandbox}) {
    const std::string route = RouteOf(spec, environment);
    if (route.empty()) continue;
    composed.environments.push_back(
        Composer(spec, name, options, environment, &composed.reads).Run(route));
  }
  CheckHosts(spec, composed);
  return composed;
}

std::set<std::string> ReadsOf(const Node& document, const KubeName& name,
                              const ConvertOptions& options) {
  Conversion ignored;
  const Fields spec(document.Find("spec"), "spec", &ignored);
  return ComposeApi(spec, name, options).reads;
}

}  // namespace sallyport::authsvc::dialects::apk
