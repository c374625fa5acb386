#include "authsvc/dialects/tyk_oas_import.h"

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/tyk_oas.h"

namespace sallyport::authsvc::dialects {
namespace {

Node OasTextNode(absl::string_view text) {
  Node node;
  node.type = Node::Type::kString;
  node.text = std::string(text);
  return node;
}

Node OasFlagNode(bool value) {
  Node node;
  node.type = Node::Type::kBool;
  node.boolean = value;
  return node;
}

// The member, made an object where it is none.
Node* OasObjectAt(Node* object, absl::string_view name) {
  Node* member = object->Find(name);
  if (member == nullptr) {
    object->members.emplace_back(std::string(name), Node());
    member = &object->members.back().second;
  }
  if (!member->IsObject()) {
    *member = Node();
    member->type = Node::Type::kObject;
  }
  return member;
}

void PutMember(Node* object, absl::string_view name, Node value) {
  if (Node* member = object->Find(name); member != nullptr)
    *member = std::move(value);
  else
    object->members.emplace_back(std::string(name), std::move(value));
}

absl::Status NewOasExtension(const Node& document, const OasParameters& parameters,
                             Node* extension) {
  const Node* info = document.Find("info");
  Node* own = OasObjectAt(extension, "info");
  PutMember(own, "name", OasTextNode(info == nullptr ? "" : info->Text("title")));
  PutMember(OasObjectAt(own, "state"), "active", OasFlagNode(true));
  std::string url = parameters.upstream_url;
  if (url.empty()) {
    const Node* servers = document.Find("servers");
    if (servers == nullptr || servers->items.empty())
      return absl::InvalidArgumentError("servers object is empty in OAS");
    url = std::string(servers->items.front().Text("url"));
  }
  PutMember(OasObjectAt(extension, "upstream"), "url", OasTextNode(url));
  Node* listen = OasObjectAt(OasObjectAt(extension, "server"), "listenPath");
  PutMember(listen, "value", OasTextNode("/"));
  PutMember(listen, "strip", OasFlagNode(true));
  return absl::OkStatus();
}

absl::Status OasAuthenticate(const Node& document, bool on, Node* extension) {
  Node* authentication = OasObjectAt(OasObjectAt(extension, "server"), "authentication");
  PutMember(authentication, "enabled", OasFlagNode(on));
  if (!on) return absl::OkStatus();
  const Node* security = document.Find("security");
  if (security == nullptr || security->items.empty() || security->items.front().members.empty())
    return absl::InvalidArgumentError("security is empty in OAS: it names no scheme to ask for");
  Node* schemes = OasObjectAt(authentication, "securitySchemes");
  for (const auto& [name, scopes] : security->items.front().members)
    PutMember(OasObjectAt(schemes, name), "enabled", OasFlagNode(true));
  return absl::OkStatus();
}

// Every operation, by its operationId or by the one that Tyk makes.
void OasAllowAll(const Node& document, bool on, Node* extension) {
  const Node* paths = document.Find("paths");
  if (paths == nullptr) return;
  Node* operations = OasObjectAt(OasObjectAt(extension, "middleware"), "operations");
  for (const auto& [path, item] : paths->members) {
    for (const absl::string_view method :
         {"get", "put", "post", "delete", "options", "head", "patch", "trace"}) {
      const Node* operation = item.Find(method);
      if (operation == nullptr) continue;
      std::string id(operation->Text("operationId"));
      if (id.empty()) id = absl::StrCat(path.substr(path[0] == '/' ? 1 : 0), method);
      PutMember(OasObjectAt(OasObjectAt(operations, id), "allow"), "enabled", OasFlagNode(on));
    }
  }
}

}  // namespace

absl::StatusOr<Node> WithTykExtension(Node document, const Node* stored,
                                      const OasParameters& parameters) {
  if (!document.IsObject()) return absl::InvalidArgumentError("must be an object");
  Node extension;
  extension.type = Node::Type::kObject;
  if (stored != nullptr && stored->IsObject()) {
    extension = *stored;
  } else if (auto status = NewOasExtension(document, parameters, &extension); !status.ok()) {
    return status;
  }
  if (!parameters.upstream_url.empty())
    PutMember(OasObjectAt(&extension, "upstream"), "url", OasTextNode(parameters.upstream_url));
  Node* server = OasObjectAt(&extension, "server");
  if (!parameters.listen_path.empty())
    PutMember(OasObjectAt(server, "listenPath"), "value", OasTextNode(parameters.listen_path));
  if (!parameters.custom_domain.empty()) {
    Node* domain = OasObjectAt(server, "customDomain");
    PutMember(domain, "enabled", OasFlagNode(true));
    PutMember(domain, "name", OasTextNode(parameters.custom_domain));
  }
  if (parameters.authentication) {
    auto status = OasAuthenticate(document, *parameters.authentication, &extension);
    if (!status.ok()) return status;
  }
  if (parameters.allow_list) OasAllowAll(document, *parameters.allow_list, &extension);
  PutMember(&document, kTykExtension, std::move(extension));
  return document;
}

std::string GiveOasId(Node* document, const std::string& id) {
  Node* extension = document->Find(kTykExtension);
  if (extension == nullptr || !extension->IsObject()) return "";
  Node* info = extension->Find("info");
  if (info == nullptr || !info->IsObject()) return "";
  if (!info->Text("id").empty()) return std::string(info->Text("id"));
  PutMember(info, "id", OasTextNode(id));
  return id;
}

}  // namespace sallyport::authsvc::dialects
