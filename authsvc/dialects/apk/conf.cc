#include "authsvc/dialects/apk/conf.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/apk/authentication.h"
#include "authsvc/dialects/apk/conf_fields.h"
#include "authsvc/dialects/apk/endpoints.h"
#include "authsvc/dialects/apk/objects.h"
#include "authsvc/dialects/apk/operations.h"
#include "authsvc/dialects/apk/paths.h"
#include "authsvc/dialects/apk/policy.h"
#include "authsvc/dialects/apk/resource.h"
#include "authsvc/dialects/apk/sandbox.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/suggest.h"
#include "shared/base/text.h"
#include "shared/crypto/digest.h"

namespace sallyport::authsvc::dialects::apk {
namespace {

constexpr absl::string_view kKept = "apkConfiguration";
constexpr absl::string_view kKeptNamespace = "namespace";
constexpr absl::string_view kNotInVersions = "~!@#;:%^*()+={}|\\<>\"',&/$[] \t\r\n";
constexpr absl::string_view kApiTypes[] = {"REST", "GRAPHQL", "GRPC", "WEBSOCKET"};

Node StringNode(absl::string_view text) {
  Node node;
  node.type = Node::Type::kString;
  node.text = std::string(text);
  return node;
}

// As text, also where YAML took `version: 3.14` for a number.
std::string ScalarText(const Node& document, absl::string_view name) {
  const Node* member = document.Find(name);
  std::string text;
  return member != nullptr && AsText(*member, &text) ? text : std::string();
}

class Conf {
 public:
  Conf(const Node& document, const ConvertOptions& options)
      : document_(document),
        options_(options),
        top_(&document, "", &out_),
        name_(ConfName(document, options)) {}

  Conversion Run() {
    if (top_.node() == nullptr) {
      if (out_.ok()) out_.Refuse("", &document_, "an apk-conf must be an object");
      return std::move(out_);
    }
    top_.Check(ConfRules());
    CheckNames();
    const std::string type = top_.Text("type");
    const auto known = std::find(std::begin(kApiTypes), std::end(kApiTypes), type);
    if (known == std::end(kApiTypes)) {
      top_.Refuse("type", absl::StrCat("must be REST, GRAPHQL, GRPC or WEBSOCKET",
                                       DidYouMean(type, kApiTypes)));
      return std::move(out_);
    }
    served_.type = static_cast<ApiType>(known - std::begin(kApiTypes));
    Properties();
    Apis();
    return std::move(out_);
  }

 private:
  void Length(absl::string_view field, size_t most) const {
    const size_t length = top_.Text(field).size();
    if (length == 0 || length > most)
      top_.Refuse(field, absl::StrCat(length == 0 ? "is missing: " : "", "must be 1 to ", most,
                                      " characters"));
  }

  void CheckNames() const {
    Length("name", 60);
    Length("basePath", 256);
    if (top_.Has("version")) Length("version", 30);
    const std::string version = top_.Text("version");
    if (version.find_first_of(std::string(kNotInVersions)) != std::string::npos)
      top_.Refuse("version", "must be without blanks and special characters");
    if (top_.Has("id") && (top_.Text("id").empty() || top_.Text("id").size() > 200))
      top_.Refuse("id", "must be 1 to 200 characters");
    if (IsSandboxId(name_.name))
      top_.Refuse("id",
                  "is that of another API's sandbox: ~sandbox at the end is the gateway's own");
    const std::string path = top_.Text("basePath");
    const std::string wrong = path.empty() ? "" : WrongPath(path);
    if (!wrong.empty() || path.find_first_of("*{}") != std::string::npos)
      top_.Refuse("basePath", wrong.empty() ? "must be without * and parameters" : wrong);
  }

  void Properties() {
    const std::vector<Node>& items = top_.List("additionalProperties");
    for (size_t i = 0; i < items.size(); ++i)
      Fields(&items[i], ItemPath("additionalProperties", i), &out_).Check(PropertyRules());
  }

  void Paths(v1::Api* api, v1::ApiVersion* version) {
    const Place place{top_.Text("basePath"), top_.Text("version"), top_.Flag("defaultVersion")};
    if (served_.type == ApiType::kGrpc)
      served_.grpc_prefixes = PutGrpcPaths(place, api);
    else
      PutPaths(place, api, version);
  }

  void Apis() {
    Environment(kProduction, name_.name, Kept());
    const bool sandbox = HasSandbox(top_);
    const bool hosts = !options_.apk_sandbox_hosts.empty();
    const bool stored = SandboxStored(name_.name, kApkConf, sandbox || hosts,
                                      "endpointConfigurations.sandbox", options_, &out_);
    if (!sandbox && hosts) return Closed();
    if (!sandbox) {
      if (stored) out_.gone_apis.push_back(SandboxId(name_.name));
      return;
    }
    if (!hosts) {
      top_.Refuse("endpointConfigurations.sandbox",
                  "is told from production by its hosts, and apk.sandbox_hosts of authsvc's "
                  "configuration names none");
    }
    if (!out_.ok()) return;
    Environment(kSandbox, SandboxId(name_.name), OnlyNamespace());
    ProductionLast();
    DropRepeatedWarnings();
  }

  // Last comes the one that the document stands for.
  void ProductionLast() { std::swap(out_.resources[production_], out_.resources.back()); }

  // Where there is no sandbox nobody gets anywhere at its hosts, least of all to production.
  void Closed() {
    Converted converted = Named(SandboxId(name_.name));
    converted.resource.set_document(OnlyNamespace());
    v1::Api* api = converted.resource.mutable_api();
    api->mutable_hosts()->Add(options_.apk_sandbox_hosts.begin(), options_.apk_sandbox_hosts.end());
    api->mutable_token()->set_enabled(true);
    v1::ApiVersion* version = api->add_versions();
    Paths(api, version);
    version->add_blocked()->set_path("^/");
    const v1::Upstream& production = out_.resources[production_].resource.api().upstream();
    if (production.targets_size() > 0)
      api->mutable_upstream()->add_targets()->set_url(production.targets(0).url());
    out_.resources.push_back(std::move(converted));
    ProductionLast();
  }

  [[nodiscard]] Converted Named(const std::string& id) const {
    Converted converted;
    v1::Api* api = converted.resource.mutable_api();
    converted.resource.set_id(id);
    converted.resource.set_dialect(std::string(kApkConf));
    api->set_id(id);
    api->set_org_id(options_.org_id);
    api->set_name(top_.Text("name"));
    api->set_style("apk");
    return converted;
  }

  void Environment(absl::string_view environment, const std::string& id, std::string document) {
    Converted converted = Named(id);
    v1::Api* api = converted.resource.mutable_api();
    if (environment == kSandbox)
      api->mutable_hosts()->Add(options_.apk_sandbox_hosts.begin(),
                                options_.apk_sandbox_hosts.end());
    v1::ApiVersion* version = api->add_versions();
    Paths(api, version);
    std::vector<std::string> authorities;
    ReadEndpoints(top_, environment, name_, served_.type == ApiType::kGrpc, api->mutable_upstream(),
                  &authorities);
    served_.endpoint_of = [&](const Fields& operation) {
      if (!HasSandbox(top_) && HasSandbox(operation))
        operation.Refuse("endpointConfigurations.sandbox", "the API itself has no sandbox");
      return OperationEndpoint(operation, environment, name_, &authorities);
    };
    ReadOperations(top_, served_, api, version);
    ReadCors(top_, api->mutable_cors());
    PutAuthorities(authorities, id, options_.org_id, kApkConf, api->mutable_upstream(), &out_);
    Callers(api);
    PutPolicies(name_, options_, &out_, api);
    converted.resource.set_document(std::move(document));
    if (environment == kProduction) production_ = out_.resources.size();
    out_.resources.push_back(std::move(converted));
  }

  void Callers(v1::Api* api) {
    const Authentication own = ReadConfAuthentication(top_, name_);
    if (!PutResourceAuthentication(name_, options_, &out_, api))
      PutAuthentication(own, top_, "authentication", api);
    CheckScopes(top_, "operations", *api);
  }

  // The sandbox says the same again.
  void DropRepeatedWarnings() {
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(out_.warnings, [&](const Problem& problem) {
      return !seen.emplace(problem.path, problem.message).second;
    });
  }

  // Of a sandbox: the document is that of production, what is made of it is made of that.
  std::string OnlyNamespace() const {
    Node kept;
    kept.type = Node::Type::kObject;
    kept.members.emplace_back(kKeptNamespace, StringNode(name_.name_space));
    return ToJson(kept);
  }

  std::string Kept() const {
    Node conf = document_;
    if (conf.Text("id").empty()) {
      std::erase_if(conf.members, [](const auto& member) { return member.first == "id"; });
      conf.members.emplace(conf.members.begin(), "id", StringNode(name_.name));
    }
    Node kept;
    kept.type = Node::Type::kObject;
    kept.members.emplace_back(kKeptNamespace, StringNode(name_.name_space));
    kept.members.emplace_back(kKept, std::move(conf));
    return ToJson(kept);
  }

  const Node& document_;
  const ConvertOptions& options_;
  Conversion out_;
  const Fields top_;
  const KubeName name_;
  ServedPaths served_;
  size_t production_ = 0;  // its place in the resources
};

void AppendYaml(const Node& node, int depth, std::string* out);

void AppendMembers(const Node& node, int depth, std::string* out) {
  for (const auto& [name, value] : node.members) {
    absl::StrAppend(out, std::string(static_cast<size_t>(depth) * 2, ' '), base::JsonQuote(name),
                    ":");
    AppendYaml(value, depth + 1, out);
  }
}

void AppendItems(const Node& node, int depth, std::string* out) {
  for (const Node& item : node.items) {
    absl::StrAppend(out, std::string(static_cast<size_t>(depth) * 2, ' '), "-");
    AppendYaml(item, depth + 1, out);
  }
}

// What stands behind "name:" or "-", with the line's end.
void AppendYaml(const Node& node, int depth, std::string* out) {
  if ((node.IsObject() && !node.members.empty()) || (node.IsArray() && !node.items.empty())) {
    out->push_back('\n');
    return node.IsObject() ? AppendMembers(node, depth, out) : AppendItems(node, depth, out);
  }
  absl::StrAppend(out, " ", ToJson(node), "\n");
}

}  // namespace

bool IsConf(const Node& document) {
  if (!document.IsObject() || document.Find("kind") != nullptr) return false;
  for (const absl::string_view field : {"name", "basePath", "type", "operations"}) {
    if (document.Find(field) == nullptr) return false;
  }
  return true;
}

KubeName ConfName(const Node& document, const ConvertOptions& options) {
  KubeName name{options.name_space.empty() ? "default" : options.name_space,
                ScalarText(document, "id")};
  if (!name.name.empty()) return name;
  const std::string said =
      absl::StrCat(ScalarText(document, "name"), "\n", ScalarText(document, "version"));
  name.name = base::Hex(crypto::Sha256(said)).substr(0, 40);
  return name;
}

bool KeptConf(const v1::Resource& api, Node* document, std::string* name_space) {
  if (!api.has_api() || api.dialect() != kApkConf) return false;
  auto kept = ReadJson(api.document());
  Node* conf = kept.ok() ? kept->Find(kKept) : nullptr;
  if (conf == nullptr) return false;
  *name_space = std::string(kept->Text(kKeptNamespace));
  *document = std::move(*conf);
  return true;
}

std::string KeptNamespace(const v1::Resource& api) {
  if (!api.has_api() || api.dialect() != kApkConf) return "";
  const auto kept = ReadJson(api.document());
  return kept.ok() ? std::string(kept->Text(kKeptNamespace)) : "";
}

Conversion ConvertConf(const Node& document, const ConvertOptions& options) {
  return Conf(document, options).Run();
}

std::string ToYaml(const Node& document) {
  std::string out;
  if (document.IsObject() && !document.members.empty())
    AppendMembers(document, 0, &out);
  else
    out = ToJson(document) + "\n";
  return out;
}

}  // namespace sallyport::authsvc::dialects::apk
