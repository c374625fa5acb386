#include "authsvc/dialects/tyk_oas_import.h"

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/tree_edit.h"
#include "authsvc/dialects/tyk_oas.h"

namespace sallyport::authsvc::dialects {
namespace {

absl::Status NewOasExtension(const Node& document, const OasParameters& parameters,
                             Node* extension) {
  const Node* info = document.Find("info");
  Node* own = ObjectAt(extension, "info");
  PutMember(own, "name", TextNode(info == nullptr ? "" : info->Text("title")));
  PutMember(ObjectAt(own, "state"), "active", FlagNode(true));
  std::string url = parameters.upstream_url;
  if (url.empty()) {
    const Node* servers = document.Find("servers");
    if (servers == nullptr || servers->items.empty())
      return absl::InvalidArgumentError("servers object is empty in OAS");
    url = std::string(servers->items.front().Text("url"));
  }
  PutMember(ObjectAt(extension, "upstream"), "url", TextNode(url));
  Node* listen = ObjectAt(ObjectAt(extension, "server"), "listenPath");
  PutMember(listen, "value", TextNode("/"));
  PutMember(listen, "strip", FlagNode(true));
  return absl::OkStatus();
}

absl::Status OasAuthenticate(const Node& document, bool on, Node* extension) {
  Node* authentication = ObjectAt(ObjectAt(extension, "server"), "authentication");
  PutMember(authentication, "enabled", FlagNode(on));
  if (!on) return absl::OkStatus();
  const Node* security = document.Find("security");
  if (security == nullptr || security->items.empty() || security->items.front().members.empty())
    return absl::InvalidArgumentError("security is empty in OAS: it names no scheme to ask for");
  Node* schemes = ObjectAt(authentication, "securitySchemes");
  for (const auto& [name, scopes] : security->items.front().members)
    PutMember(ObjectAt(schemes, name), "enabled", FlagNode(true));
  return absl::OkStatus();
}

// Every operation, by its operationId or by the one that Tyk makes.
void OasAllowAll(const Node& document, bool on, Node* extension) {
  const Node* paths = document.Find("paths");
  if (paths == nullptr) return;
  Node* operations = ObjectAt(ObjectAt(extension, "middleware"), "operations");
  for (const auto& [path, item] : paths->members) {
    for (const absl::string_view method :
         {"get", "put", "post", "delete", "options", "head", "patch", "trace"}) {
      const Node* operation = item.Find(method);
      if (operation == nullptr) continue;
      std::string id(operation->Text("operationId"));
      if (id.empty()) id = absl::StrCat(path.substr(path[0] == '/' ? 1 : 0), method);
      PutMember(ObjectAt(ObjectAt(operations, id), "allow"), "enabled", FlagNode(on));
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
    PutMember(ObjectAt(&extension, "upstream"), "url", TextNode(parameters.upstream_url));
  Node* server = ObjectAt(&extension, "server");
  if (!parameters.listen_path.empty())
    PutMember(ObjectAt(server, "listenPath"), "value", TextNode(parameters.listen_path));
  if (!parameters.custom_domain.empty()) {
    Node* domain = ObjectAt(server, "customDomain");
    PutMember(domain, "enabled", FlagNode(true));
    PutMember(domain, "name", TextNode(parameters.custom_domain));
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
  PutMember(info, "id", TextNode(id));
  return id;
}

}  // namespace sallyport::authsvc::dialects
