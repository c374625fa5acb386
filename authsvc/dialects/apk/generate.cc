#include "authsvc/dialects/apk/generate.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/tree_edit.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kDefinedVerbs[] = {"get",  "put",     "post", "delete",
                                               "head", "options", "patch"};
constexpr size_t kMostDefined = 2000;

Node EmptyNode(Node::Type type) {
  Node node;
  node.type = type;
  return node;
}

void PutGenerated(Node* object, absl::string_view name, Node value) {
  object->members.emplace_back(std::string(name), std::move(value));
}

class Generator {
 public:
  explicit Generator(const Node& definition) : top_(&definition, "", &out_) {}

  GeneratedConf Run() {
    if (top_.node() == nullptr) {
      out_.Refuse("", nullptr, "a definition must be an object");
    } else {
      Named();
      Operations();
      if (operations_.items.empty() && out_.ok()) top_.Refuse("paths", "describes no operation");
      PutGenerated(&conf_, "operations", std::move(operations_));
    }
    return {std::move(conf_), std::move(out_.errors)};
  }

 private:
  void Named() {
    const bool known =
        absl::StartsWith(top_.Text("openapi"), "3.") || top_.Text("swagger") == "2.0";
    if (!known)
      top_.Refuse("openapi", "must be 3.x, or swagger 2.0: other definitions are not read");
    const Fields info = top_.Object("info");
    const std::string name = info.Text("title");
    const std::string version = info.Text("version");
    if (name.empty()) top_.Refuse("info.title", "is missing");
    if (version.empty()) top_.Refuse("info.version", "is missing");
    std::string base;
    absl::WebSafeBase64Escape(absl::StrCat(name, version), &base);
    while (!base.empty() && base.back() == '=') base.pop_back();
    conf_.type = Node::Type::kObject;
    PutGenerated(&conf_, "name", TextNode(name));
    PutGenerated(&conf_, "basePath", TextNode("/" + base));
    PutGenerated(&conf_, "version", TextNode(version));
    PutGenerated(&conf_, "type", TextNode("REST"));
    PutGenerated(&conf_, "defaultVersion", FlagNode(false));
    Endpoint();
  }

  // Where the definition says it; an address of its own host is left for the user to write.
  void Endpoint() {
    std::string url;
    if (top_.Has("swagger")) {
      const std::vector<std::string> schemes = top_.Texts("schemes");
      if (!top_.Text("host").empty())
        url = absl::StrCat(schemes.empty() ? "https" : schemes[0], "://", top_.Text("host"),
                           top_.Text("basePath"));
    } else if (!top_.List("servers").empty()) {
      url = Fields(&top_.List("servers")[0], ItemPath("servers", 0), &out_).Text("url");
    }
    const bool absolute = absl::StartsWith(url, "http://") || absl::StartsWith(url, "https://");
    if (!absolute || absl::StrContains(url, "{")) return;
    Node endpoint = EmptyNode(Node::Type::kObject);
    PutGenerated(&endpoint, "endpoint", TextNode(url));
    Node production = EmptyNode(Node::Type::kObject);
    PutGenerated(&production, "production", std::move(endpoint));
    PutGenerated(&conf_, "endpointConfigurations", std::move(production));
  }

  void Operations() {
    operations_.type = Node::Type::kArray;
    const Fields paths = top_.Object("paths");
    if (paths.node() == nullptr) return;
    for (const auto& [path, item] : paths.node()->members) {
      const Fields fields(&item, paths.PathOf(path), &out_);
      if (const std::string wrong = WrongPath(path); !wrong.empty()) {
        paths.Refuse(path, wrong);
        continue;
      }
      if (fields.Has("$ref")) fields.Refuse("$ref", "is not followed: write the path's operations");
      for (const absl::string_view verb : kDefinedVerbs) {
        if (fields.Has(verb)) Operation(path, verb, fields.Object(verb));
      }
    }
  }

  void Operation(const std::string& path, absl::string_view verb, const Fields& fields) {
    if (operations_.items.size() >= kMostDefined) {
      if (out_.ok()) top_.Refuse("paths", "describes more than 2000 operations");
      return;
    }
    Node operation = EmptyNode(Node::Type::kObject);
    PutGenerated(&operation, "target", TextNode(path));
    PutGenerated(&operation, "verb", TextNode(absl::AsciiStrToUpper(verb)));
    PutGenerated(&operation, "secured", FlagNode(fields.Text("x-auth-type") != "None"));
    Node scopes = EmptyNode(Node::Type::kArray);
    for (const std::string& scope : ScopesOf(fields.Has("security") ? fields : top_))
      scopes.items.push_back(TextNode(scope));
    PutGenerated(&operation, "scopes", std::move(scopes));
    operations_.items.push_back(std::move(operation));
  }

  std::set<std::string> ScopesOf(const Fields& holder) {
    std::set<std::string> scopes;
    const std::vector<Node>& items = holder.List("security");
    for (size_t i = 0; i < items.size(); ++i) {
      const Fields schemes(&items[i], ItemPath(holder.PathOf("security"), i), &out_);
      if (schemes.node() == nullptr) continue;
      for (const auto& [scheme, unused] : schemes.node()->members) {
        for (std::string& scope : schemes.Texts(scheme)) scopes.insert(std::move(scope));
      }
    }
    return scopes;
  }

  Conversion out_;
  const Fields top_;
  Node conf_;
  Node operations_;
};

}  // namespace

GeneratedConf ConfOfOpenApi(const Node& definition) { return Generator(definition).Run(); }

}  // namespace sallyport::authsvc::dialects::apk
