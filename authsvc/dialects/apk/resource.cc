#include "authsvc/dialects/apk/resource.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/api.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/backend.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/endpoints.h"
#include "authsvc/dialects/apk/http_route.h"
#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/apk/policy.h"
#include "authsvc/dialects/apk/resource_fields.h"
#include "authsvc/dialects/apk/sandbox.h"
#include "authsvc/dialects/apk/token_issuer.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kGroup = "dp.wso2.com/";
constexpr absl::string_view kGatewayGroup = "gateway.networking.k8s.io/";
constexpr absl::string_view kKinds[] = {kAuthentication, kTokenIssuer,     kApi,      kBackend,
                                        kScope,          kRateLimitPolicy, kApiPolicy};

absl::string_view GroupOf(absl::string_view kind) {
  return kind == kHttpRoute || kind == kGrpcRoute ? kGatewayGroup : kGroup;
}

// An API of the same apply, or a stored one; `elsewhere`: in which other namespace there is one.
bool ApiThere(const KubeName& name, const ConvertOptions& options, std::string* elsewhere) {
  if (options.apk != nullptr &&
      (options.apk->Find(kConfKind, name) != nullptr || options.apk->Find(kApi, name) != nullptr))
    return true;
  if (options.apk != nullptr) {
    for (const KubeName& other : options.apk->NamesOf(kConfKind)) {
      if (other.name == name.name) *elsewhere = other.name_space;
    }
  }
  if (!elsewhere->empty() || options.stored_api == nullptr) return false;
  const auto stored = options.stored_api(name.name);
  Node document;
  std::string name_space;
  if (!stored.has_value() || !KeptConf(*stored, &document, &name_space)) return false;
  if (name_space != name.name_space) *elsewhere = name_space;
  return name_space == name.name_space;
}

// Of one of IsAimed; another one that is for the same API is refused.
void CheckTarget(absl::string_view object_kind, const Fields& spec, const KubeName& name,
                 const ConvertOptions& options, absl::string_view of_resource) {
  const Fields target = spec.Object("targetRef");
  target.Check(TargetRefRules());
  const std::string kind = target.Text("kind");
  if (target.Text("name").empty()) spec.Refuse("targetRef.name", "is missing");
  const bool single = kind == "Resource" && of_resource.empty();
  if (kind == "Resource" && !single)
    target.Refuse("kind", of_resource);
  else if (kind != kApi && !single)
    target.Refuse("kind", "must be API");
  const std::string name_space = target.Text("namespace");
  if (!name_space.empty() && name_space != name.name_space)
    target.Refuse("namespace", "must be that of this object");
  if (!spec.out()->ok() || options.apk == nullptr) return;
  if (single) {
    if (!options.apk->IsInARule(object_kind, name))
      target.Warn("kind", absl::StrCat("pending: no rule of a route names this ", object_kind,
                                       ": it does nothing by itself"));
    return;
  }
  const KubeName api{name.name_space, target.Text("name")};
  for (const std::string& other : options.apk->AimedAt(object_kind, api)) {
    if (other == name.name) continue;
    target.Refuse("name", absl::StrCat("API ", api.name, " has ", object_kind, " ", other,
                                       " already: one says it all"));
  }
  std::string elsewhere;
  if (ApiThere(api, options, &elsewhere)) return;
  if (!elsewhere.empty()) {
    return target.Refuse("name", absl::StrCat("API ", api.name, " is in namespace ", elsewhere,
                                              ", this object in ", name.name_space));
  }
  target.Warn("name", absl::StrCat("pending: API ", api.name,
                                   " is not there yet: this counts as soon as it comes"));
}

Converted ObjectOf(const Node& document, absl::string_view kind, const KubeName& name,
                   const ConvertOptions& options, const Conversion& out) {
  Converted converted;
  v1::DialectObject* object = converted.resource.mutable_dialect_object();
  converted.resource.set_id(ObjectId(kind, name));
  converted.resource.set_dialect(std::string(kApk));
  object->set_id(ObjectId(kind, name));
  object->set_org_id(options.org_id);
  object->set_json(ToJson(KeptResource(document, name, options)));
  for (const Converted& other : out.resources) {
    if (other.resource.has_certificate()) object->add_certificate_ids(other.resource.id());
  }
  return converted;
}

void ConvertAuthentication(const Node& document, const Fields& spec, const KubeName& name,
                           const ConvertOptions& options) {
  spec.Check(AuthenticationSpecRules());
  if (!spec.Has("default") && !spec.Has("override"))
    spec.Refuse("default", "is missing, and so is override: nothing is said");
  References references(options.org_id, options, kApk, spec.out());
  const Authentication said = ReadAuthenticationSpec(spec, name, &references);
  if (spec.Object("targetRef").Text("kind") == "Resource" && !said.mtls.on.value_or(false)) {
    static_cast<void>(OpensOperations(spec));
    CheckTarget(kAuthentication, spec, name, options, "");
    spec.out()->resources.push_back(
        ObjectOf(document, kAuthentication, name, options, *spec.out()));
    return;
  }
  CheckTarget(kAuthentication, spec, name, options,
              "invalid authentication - mTLS can only be added for APIs");
  v1::Api scratch;
  if (spec.out()->ok()) PutAuthentication(said, spec, "default", &scratch);
  spec.out()->resources.push_back(ObjectOf(document, kAuthentication, name, options, *spec.out()));
}

void ConvertRateLimitPolicy(const Node& document, const Fields& spec, const KubeName& name,
                            const ConvertOptions& options) {
  spec.Check(PolicySpecRules());
  static_cast<void>(ReadRateLimitPolicy(spec));
  CheckTarget(kRateLimitPolicy, spec, name, options, "");
  spec.out()->resources.push_back(ObjectOf(document, kRateLimitPolicy, name, options, *spec.out()));
}

void ConvertApiPolicy(const Node& document, const Fields& spec, const KubeName& name,
                      const ConvertOptions& options) {
  spec.Check(PolicySpecRules());
  if (!ReadApiPolicy(spec).has_value() && spec.out()->ok())
    spec.Warn("default", "says nothing that is done here: no cORSPolicy");
  CheckTarget(kApiPolicy, spec, name, options, "policies of single resources do not exist here");
  spec.out()->resources.push_back(ObjectOf(document, kApiPolicy, name, options, *spec.out()));
}

// Kept beside others; what it says alone is checked now.
void ConvertRoute(absl::string_view kind, const Node& document, const Fields& spec,
                  const KubeName& name, const ConvertOptions& options) {
  v1::ApiVersion scratch;
  OperationList operations(&scratch);
  const std::vector<std::string> prefixes =
      kind == kGrpcRoute ? std::vector<std::string>{"/"} : std::vector<std::string>();
  static_cast<void>(ReadRoute(spec, name, prefixes, {}, &operations));
  if (options.apk != nullptr && !options.apk->IsServed(name))
    spec.Warn("rules", "pending: no API names this route: it serves nothing by itself");
  spec.out()->resources.push_back(ObjectOf(document, kind, name, options, *spec.out()));
}

void ConvertBackend(const Node& document, const Fields& spec, const KubeName& name,
                    const ConvertOptions& options) {
  References references(options.org_id, options, kApk, spec.out());
  static_cast<void>(ReadBackend(spec, name, &references));
  spec.out()->resources.push_back(ObjectOf(document, kBackend, name, options, *spec.out()));
}

void ConvertScope(const Node& document, const Fields& spec, const KubeName& name,
                  const ConvertOptions& options) {
  static_cast<void>(ReadScopeSpec(spec));
  spec.out()->resources.push_back(ObjectOf(document, kScope, name, options, *spec.out()));
}

void ConvertApi(const Node& document, const Fields& spec, const KubeName& name,
                const ConvertOptions& options) {
  Conversion& out = *spec.out();
  ComposedApi composed = ComposeApi(spec, name, options);
  Converted object = ObjectOf(document, kApi, name, options, Conversion());
  for (ComposedEnvironment& environment : composed.environments) {
    if (!environment.api.has_value()) {
      out.gone_apis.push_back(environment.id);
      continue;
    }
    PutAuthorities(environment.authorities, environment.id, options.org_id, kApk,
                   environment.api->mutable_upstream(), &out);
    Converted api;
    api.resource.set_id(environment.id);
    api.resource.set_dialect(std::string(kApk));
    api.resource.set_document(object.resource.dialect_object().json());
    *api.resource.mutable_api() = *std::move(environment.api);
    out.resources.push_back(std::move(api));
    object.resource.mutable_dialect_object()->add_resources(absl::StrCat("Api ", environment.id));
  }
  const bool sandbox = composed.environments.size() > 1;
  if (SandboxStored(name.DottedId(), kApk, sandbox, "spec.sandbox", options, &out) && !sandbox)
    out.gone_apis.push_back(SandboxId(name.DottedId()));
  out.resources.push_back(std::move(object));
}

void ConvertKind(absl::string_view kind, const Node& document, const Fields& spec,
                 const KubeName& name, const ConvertOptions& options) {
  if (kind == kAuthentication) return ConvertAuthentication(document, spec, name, options);
  if (kind == kTokenIssuer) return ConvertTokenIssuer(document, spec, name, options);
  if (kind == kApi) return ConvertApi(document, spec, name, options);
  if (kind == kBackend) return ConvertBackend(document, spec, name, options);
  if (kind == kHttpRoute || kind == kGrpcRoute)
    return ConvertRoute(kind, document, spec, name, options);
  if (kind == kRateLimitPolicy) return ConvertRateLimitPolicy(document, spec, name, options);
  if (kind == kApiPolicy) return ConvertApiPolicy(document, spec, name, options);
  ConvertScope(document, spec, name, options);
}

bool IsKind(absl::string_view kind) {
  return kind == kHttpRoute || kind == kGrpcRoute ||
         std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

}  // namespace

bool IsResource(const Node& document) {
  const absl::string_view kind = document.IsObject() ? document.Text("kind") : "";
  return IsKind(kind) && absl::StartsWith(document.Text("apiVersion"), GroupOf(kind));
}

Conversion ConvertResource(const Node& document, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "a resource of WSO2 APK must be an object");
    return out;
  }
  top.Check(ResourceRules());
  const std::string kind = top.Text("kind");
  if (!IsKind(kind)) {
    top.Refuse("kind",
               "must be API, APIPolicy, Authentication, Backend, GRPCRoute, HTTPRoute, "
               "RateLimitPolicy, Scope or TokenIssuer");
    return out;
  }
  if (!absl::StartsWith(top.Text("apiVersion"), GroupOf(kind)))
    top.Refuse("apiVersion", absl::StrCat("must begin with ", GroupOf(kind)));
  const KubeName name = ReadKubeName(top, options);
  const Fields spec = top.Object("spec");
  if (spec.node() == nullptr)
    top.Refuse("spec", "is missing");
  else
    ConvertKind(kind, document, spec, name, options);
  return out;
}

Node KeptResource(const Node& document, const KubeName& name, const ConvertOptions& options) {
  Node kept = WithoutInlinePem(document, options.org_id);
  Node* metadata = kept.Find("metadata");
  if (metadata == nullptr || !metadata->IsObject()) return kept;
  // Where it names none: `-n` of another day must not move it.
  Node name_space;
  name_space.type = Node::Type::kString;
  name_space.text = name.name_space;
  std::erase_if(metadata->members, [](const auto& member) { return member.first == "namespace"; });
  metadata->members.emplace_back("namespace", std::move(name_space));
  return kept;
}

bool PutResourceAuthentication(const KubeName& name, const ConvertOptions& options, Conversion* out,
                               v1::Api* api) {
  if (options.apk == nullptr) return false;
  for (const std::string& elsewhere : options.apk->ElsewhereAimed(kAuthentication, name)) {
    out->Warn("authentication", nullptr,
              absl::StrCat("an Authentication of namespace ", elsewhere,
                           " names this API, which is in ", name.name_space, ": it is not used"));
  }
  const std::vector<std::string> names = options.apk->AimedAt(kAuthentication, name);
  if (names.empty()) return false;
  if (names.size() > 1) {
    out->Refuse("authentication", nullptr,
                absl::StrCat("Authentications ", names[0], " and ", names[1],
                             " are both for this API: one says it all"));
    return true;
  }
  const KubeName object{name.name_space, names.front()};
  const Node* document = options.apk->Find(kAuthentication, object);
  const Fields spec(document->Find("spec"),
                    absl::StrCat(kAuthentication, " ", object.Id(), " spec"), out);
  References references(options.org_id, options, kApk, out);
  const Authentication said = ReadAuthenticationSpec(spec, object, &references);
  PutAuthentication(said, spec, "default", api);
  return true;
}

void CheckScopes(const Fields& where, absl::string_view name, const v1::Api& api) {
  if (!AnyScopes(api) || api.jwts_size() > 0) return;
  where.Refuse(name,
               "scopes are those of a token, and neither OAuth2 nor JWT is on: nobody could "
               "be held to them");
}

}  // namespace sallyport::authsvc::dialects::apk
