#include "authsvc/dialects/apk/resource.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/conf.h"
#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/apk/resource_fields.h"
#include "authsvc/dialects/apk/token_issuer.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kGroup = "dp.wso2.com/";
constexpr absl::string_view kKinds[] = {kAuthentication, kTokenIssuer};

// An API of the same apply, or a stored one; `elsewhere`: in which other namespace there is one.
bool ApiThere(const KubeName& name, const ConvertOptions& options, std::string* elsewhere) {
  if (options.apk != nullptr && options.apk->Find(kConfKind, name) != nullptr) return true;
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

void CheckTarget(const Fields& spec, const KubeName& name, const ConvertOptions& options,
                 const Authentication& said) {
  const Fields target = spec.Object("targetRef");
  target.Check(TargetRefRules());
  const std::string kind = target.Text("kind");
  if (target.Text("name").empty()) spec.Refuse("targetRef.name", "is missing");
  if (kind == "Resource") {
    target.Refuse("kind", said.mtls.on.value_or(false)
                              ? "invalid authentication - mTLS can only be added for APIs"
                              : "authentication of single resources: operations say `secured` and "
                                "`scopes` instead");
  } else if (kind != "API") {
    target.Refuse("kind", "must be API");
  }
  const std::string name_space = target.Text("namespace");
  if (!name_space.empty() && name_space != name.name_space)
    target.Refuse("namespace", "must be that of this object");
  if (!spec.out()->ok() || options.apk == nullptr) return;
  const KubeName api{name.name_space, target.Text("name")};
  for (const std::string& other : options.apk->AuthenticationsOf(api)) {
    if (other == name.name) continue;
    target.Refuse("name", absl::StrCat("API ", api.name, " has Authentication ", other,
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
  CheckTarget(spec, name, options, said);
  v1::Api scratch;
  if (spec.out()->ok()) PutAuthentication(said, spec, "default", &scratch);
  spec.out()->resources.push_back(ObjectOf(document, kAuthentication, name, options, *spec.out()));
}

}  // namespace

bool IsResource(const Node& document) {
  if (!document.IsObject() || !absl::StartsWith(document.Text("apiVersion"), kGroup)) return false;
  return std::find(std::begin(kKinds), std::end(kKinds), document.Text("kind")) != std::end(kKinds);
}

Conversion ConvertResource(const Node& document, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "a resource of WSO2 APK must be an object");
    return out;
  }
  top.Check(ResourceRules());
  if (!absl::StartsWith(top.Text("apiVersion"), kGroup))
    top.Refuse("apiVersion", "must begin with dp.wso2.com/");
  const KubeName name = ReadKubeName(top, options);
  const Fields spec = top.Object("spec");
  if (spec.node() == nullptr) {
    top.Refuse("spec", "is missing");
    return out;
  }
  const std::string kind = top.Text("kind");
  if (kind == kAuthentication) {
    ConvertAuthentication(document, spec, name, options);
  } else if (kind == kTokenIssuer) {
    ConvertTokenIssuer(document, spec, name, options);
  } else {
    top.Refuse("kind", "must be Authentication or TokenIssuer");
  }
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
  for (const std::string& elsewhere : options.apk->ElsewhereMeant(name)) {
    out->Warn("authentication", nullptr,
              absl::StrCat("an Authentication of namespace ", elsewhere,
                           " names this API, which is in ", name.name_space, ": it is not used"));
  }
  const std::vector<std::string> names = options.apk->AuthenticationsOf(name);
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
