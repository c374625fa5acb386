#include "authsvc/dialects/tyk_operator.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/dialects/kube_fields.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_oas_import.h"
#include "authsvc/dialects/tyk_operator_parts.h"

namespace sallyport::authsvc::dialects {
namespace {

constexpr absl::string_view kOperatorKinds[] = {"ApiDefinition", "TykOasApiDefinition",
                                                "SecurityPolicy"};

Node OperatorText(absl::string_view text) {
  Node node;
  node.type = Node::Type::kString;
  node.text = std::string(text);
  return node;
}

// What a part of the resource became, as if it had stood in this one: complaints below `prefix`.
// Its last resource is left in `part`.
void TakePart(absl::string_view prefix, Conversion* part, Conversion* out) {
  for (const Problem& problem : part->warnings)
    out->warnings.push_back({JoinPath(prefix, problem.path), problem.line, problem.message});
  for (const Problem& problem : part->errors)
    out->errors.push_back({JoinPath(prefix, problem.path), problem.line, problem.message});
  for (size_t i = 0; i + 1 < part->resources.size(); ++i)
    out->resources.push_back(std::move(part->resources[i]));
}

// Where the document names none: `-n` of another day must not move it.
void PutNamespace(const KubeName& name, Node* document) {
  Node* metadata = document->Find("metadata");
  if (metadata == nullptr || !metadata->Text("namespace").empty()) return;
  std::erase_if(metadata->members, [](const auto& member) { return member.first == "namespace"; });
  metadata->members.emplace_back("namespace", OperatorText(name.name_space));
}

// A manifest reaches for nothing of another namespace: neither what its Secrets and ConfigMaps
// hold, nor the id that an object there has.
void OwnNamespaceOnly(const KubeName& name, const v1::Resource& resource, const Node& document,
                      Conversion* out) {
  const std::string bytes = resource.SerializeAsString();
  const absl::string_view text = bytes;
  for (const absl::string_view places : {"name:secret/", "name:configmap/"}) {
    for (size_t at = text.find(places); at != text.npos; at = text.find(places, at + 1)) {
      const absl::string_view place = text.substr(at + places.size());
      if (absl::StartsWith(place, absl::StrCat(name.name_space, "/"))) continue;
      return out->Refuse("spec", &document,
                         absl::StrCat("refers to a ", places.substr(5, places.size() - 6),
                                      " outside namespace \"", name.name_space, "\""));
    }
  }
  if (absl::StrContains(resource.id(), '.') && resource.id() != name.DottedId()) {
    out->Refuse("spec", &document,
                absl::StrCat("id \"", resource.id(),
                             "\": one with a dot is NAMESPACE.NAME of the object itself"));
  }
}

void FinishPart(const Node& document, const KubeName& name, const ConvertOptions& options,
                Conversion* part, Conversion* out) {
  Converted converted = std::move(part->resources.back());
  OwnNamespaceOnly(name, converted.resource, document, out);
  if (!converted.proxy_password.empty()) {
    out->Refuse("spec", &document,
                "has a forward proxy's password, which would be kept in it as it stands: apply the "
                "definition by itself, or a proxy that knows this gateway by its address");
  }
  converted.resource.set_dialect(std::string(kTykOperator));
  Node kept = KeptDocument(document, options.org_id);
  PutNamespace(name, &kept);
  converted.resource.set_document(ToJson(kept));
  out->resources.push_back(std::move(converted));
}

// Secrets are of the gateway's organisation: another one could not refer to them.
void OneOrg(const Fields& spec, const ConvertOptions& options, v1::Api* api) {
  if (api->org_id() == options.org_id ||
      !absl::StrContains(api->SerializeAsString(), "name:secret/"))
    return;
  spec.Refuse("org_id", absl::StrCat("the Secrets belong to organisation \"", options.org_id,
                                     "\": leave it out"));
}

// The spec without what a Classic definition has no field for, and with an id.
Node ClassicSpec(const Fields& spec, const KubeName& name) {
  Node copy = *spec.node();
  std::erase_if(copy.members, [](const auto& member) {
    for (const FieldRule& rule : OperatorReferenceRules().fields) {
      if (rule.name == member.first) return true;
    }
    return false;
  });
  if (copy.Text("api_id").empty()) {
    std::erase_if(copy.members, [](const auto& member) { return member.first == "api_id"; });
    copy.members.emplace_back("api_id", OperatorText(name.DottedId()));
  }
  if (copy.Find("active") == nullptr) {
    Node on;
    on.type = Node::Type::kBool;
    on.boolean = true;
    copy.members.emplace_back("active", std::move(on));
  }
  return copy;
}

void ConvertApiDefinition(const Node& document, const Fields& spec, const KubeName& name,
                          const ConvertOptions& options) {
  const Node classic = ClassicSpec(spec, name);
  Conversion part = ConvertTykClassic(classic, options);
  TakePart("spec", &part, spec.out());
  if (spec.Has("contextRef"))
    spec.Warn("contextRef", "everything belongs to the one organisation of this gateway");
  if (part.resources.empty()) return;
  v1::Api* api = part.resources.back().resource.mutable_api();
  OperatorClassicReferences(spec, name, api);
  OneOrg(spec, options, api);
  FinishPart(document, name, options, &part, spec.out());
}

struct MapPlace {
  std::string id;
  std::string key;
};

MapPlace PlaceOfDefinition(const Fields& spec, const KubeName& name) {
  const Fields oas = spec.Object("tykOAS");
  oas.Check(OperatorTykOasRules());
  const Fields reference = oas.Object("configmapRef");
  reference.Check(OperatorConfigMapRefRules());
  if (reference.node() == nullptr) {
    spec.Refuse("tykOAS.configmapRef", "is missing: it names where the definition stands");
    return {};
  }
  const std::string name_space = reference.Text("namespace");
  if (!name_space.empty() && name_space != name.name_space) {
    reference.Refuse("namespace",
                     absl::StrCat("must be that of the resource, \"", name.name_space, "\""));
  }
  for (const absl::string_view field : {"name", "keyName"}) {
    if (reference.Text(field).empty()) reference.Refuse(field, "is missing");
  }
  return {KubeName{name.name_space, reference.Text("name")}.Id(), reference.Text("keyName")};
}

absl::StatusOr<Node> ReadDefinition(const MapPlace& place, const ConvertOptions& options) {
  if (options.config_map == nullptr)
    return absl::NotFoundError(absl::StrCat("ConfigMap ", place.id, " is not there"));
  const auto text = options.config_map(place.id, place.key);
  if (!text.ok()) return text.status();
  auto documents = ReadDocuments(*text);
  if (!documents.ok()) return documents.status();
  if (documents->size() != 1) return absl::InvalidArgumentError("is not one document");
  return std::move(documents->front());
}

// What the ConfigMap holds stays readable there.
void RefuseOpenWebhooks(absl::string_view prefix, const Node& definition, Conversion* out) {
  const Node* const extension = definition.Find("x-tyk-api-gateway");
  if (extension == nullptr) return;
  Node emptied = *extension;
  EmptyWebhooks(&emptied);
  if (ToJson(emptied) == ToJson(*extension)) return;
  out->Refuse(JoinPath(prefix, "x-tyk-api-gateway.eventHandlers"), extension,
              "has a credential for a webhook, which would stay readable in the ConfigMap: apply "
              "the definition by itself");
}

void ConvertOasDefinition(const Node& document, const Fields& spec, const KubeName& name,
                          const ConvertOptions& options) {
  spec.Check(OperatorOasRules());
  const MapPlace place = PlaceOfDefinition(spec, name);
  if (!spec.out()->ok()) return;
  absl::StatusOr<Node> definition = ReadDefinition(place, options);
  const std::string prefix = absl::StrCat("ConfigMap ", place.id, " (", place.key, ")");
  if (!definition.ok()) {
    return spec.Refuse(
        "tykOAS.configmapRef",
        absl::IsNotFound(definition.status())
            ? absl::StrCat(definition.status().message(), ": apply it before or together with this")
            : absl::StrCat(prefix, ": ", definition.status().message()));
  }
  RefuseOpenWebhooks(prefix, *definition, spec.out());
  GiveOasId(&*definition, name.DottedId());
  ConvertOptions alone = options;
  alone.oas_bases = nullptr;
  Conversion part = ConvertTykOas(*definition, alone);
  TakePart(prefix, &part, spec.out());
  if (part.resources.empty()) return;
  v1::Api* api = part.resources.back().resource.mutable_api();
  References references(api->org_id(), options, kTykOperator, spec.out());
  OperatorOas(spec, name, &references, api);
  OneOrg(spec, options, api);
  FinishPart(document, name, options, &part, spec.out());
}

// The objects that the access rights name are the APIs made of them.
Node PolicySpec(const Fields& spec, const KubeName& name) {
  Node copy = *spec.node();
  std::erase_if(copy.members, [](const auto& member) { return member.first == "contextRef"; });
  if (copy.Text("id").empty() && copy.Text("_id").empty()) {
    std::erase_if(copy.members,
                  [](const auto& member) { return member.first == "id" || member.first == "_id"; });
    copy.members.emplace_back("id", OperatorText(name.DottedId()));
  }
  Node* rights = copy.Find("access_rights_array");
  if (rights == nullptr) return copy;
  for (Node& right : rights->items) {
    if (!right.IsObject() || !right.Text("api_id").empty() || right.Text("name").empty()) continue;
    const std::string name_space(right.Text("namespace").empty() ? name.name_space
                                                                 : right.Text("namespace"));
    const KubeName api{name_space, std::string(right.Text("name"))};
    std::erase_if(right.members, [](const auto& member) { return member.first == "api_id"; });
    right.members.emplace_back("api_id", OperatorText(api.DottedId()));
  }
  return copy;
}

void ConvertSecurityPolicy(const Node& document, const Fields& spec, const KubeName& name,
                           const ConvertOptions& options) {
  const Node policy = PolicySpec(spec, name);
  Conversion part = ConvertTykPolicy(policy, options);
  TakePart("spec", &part, spec.out());
  if (!part.resources.empty()) FinishPart(document, name, options, &part, spec.out());
}

}  // namespace

bool IsTykOperator(const Node& document) {
  if (!document.IsObject() || !absl::StartsWith(document.Text("apiVersion"), "tyk.tyk.io/"))
    return false;
  for (const absl::string_view kind : kOperatorKinds) {
    if (document.Text("kind") == kind) return true;
  }
  return false;
}

Conversion ConvertTykOperator(const Node& document, const ConvertOptions& options) {
  Conversion out;
  const Fields top(&document, "", &out);
  if (top.node() == nullptr) {
    if (out.ok()) out.Refuse("", &document, "a resource of Tyk Operator must be an object");
    return out;
  }
  top.Check(OperatorObjectRules());
  if (top.Text("apiVersion") != "tyk.tyk.io/v1alpha1")
    top.Refuse("apiVersion", "must be tyk.tyk.io/v1alpha1");
  const KubeName name = ReadKubeName(top, options);
  const Fields spec = top.Object("spec");
  if (spec.node() == nullptr) {
    top.Refuse("spec", "is missing");
    return out;
  }
  const std::string kind = top.Text("kind");
  if (kind == "ApiDefinition") {
    ConvertApiDefinition(document, spec, name, options);
  } else if (kind == "TykOasApiDefinition") {
    ConvertOasDefinition(document, spec, name, options);
  } else if (kind == "SecurityPolicy") {
    ConvertSecurityPolicy(document, spec, name, options);
  } else {
    top.Refuse("kind", "must be ApiDefinition, TykOasApiDefinition or SecurityPolicy");
  }
  return out;
}

std::string ConfigMapOf(const Node& document, const ConvertOptions& options) {
  if (!IsTykOperator(document) || document.Text("kind") != "TykOasApiDefinition") return "";
  Conversion ignored;
  const Fields top(&document, "", &ignored);
  const Fields reference = top.Object("spec").Object("tykOAS").Object("configmapRef");
  return KubeName{ReadKubeName(top, options).name_space, reference.Text("name")}.Id();
}

}  // namespace sallyport::authsvc::dialects
