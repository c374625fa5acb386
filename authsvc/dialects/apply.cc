#include "authsvc/dialects/apply.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "authsvc/dialects/apk/composition.h"
#include "authsvc/dialects/kube_documents.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "authsvc/dialects/tyk_oas_versions.h"

namespace sallyport::authsvc::dialects {
namespace {

// A hostile apply must not make an endless answer.
constexpr size_t kMostRefusals = 1000;
constexpr size_t kOfAnExport = 10;  // times as many values as of other documents

// As the reader counts them: names too.
size_t ValuesOf(const Node& node) {
  size_t values = 1 + node.members.size();
  for (const Node& item : node.items) values += ValuesOf(item);
  for (const auto& [name, value] : node.members) values += ValuesOf(value);
  return values;
}

class Planner {
 public:
  Planner(const v1::ApplyRequest& request, const ConvertOptions& options)
      : request_(request), options_(options), set_(request.set()) {
    if (!request.namespace_().empty()) options_.name_space = request.namespace_();
  }

  ApplyPlan Plan() {
    if (!request_.as().empty()) {
      forced_ = FindDialect(request_.as());
      if (forced_ == nullptr) {
        Refuse("", "", absl::StrCat("there is no dialect \"", request_.as(), "\""));
        return std::move(plan_);
      }
      // A whole system, of which each document is bounded by itself.
      if (forced_->name == kStored) values_left_ *= kOfAnExport;
    }
    if (request_.prune() && request_.set().empty()) {
      Refuse("", "", "prune needs the name of a set: only what came with it may be removed");
    }
    for (const v1::Document& document : request_.documents()) Read(document);
    for (const Given& given : given_) NoteConfigMap(given.node);
    options_.config_map = [this, stored = std::move(options_.config_map)](const std::string& id,
                                                                          const std::string& key) {
      return ConfigMapText(id, key, stored);
    };
    for (const Given& given : given_) composition_.Note(given.node, options_);
    composition_.Complete(options_, request_.prune() ? request_.set() : "");
    options_.apk = &composition_.objects();
    plan_.of_what_is_stored = composition_.used();
    NoteOasVersions();
    for (const Given& given : given_) {
      if (given.refusal.empty())
        OneDocument(given.file, given.node);
      else
        Refuse("", "", given.refusal);
    }
    MakeAnew();
    MakeAgain();
    MakeVersionsAgain();
    if (request_.documents_size() == 0 && options_.gone_object.empty())
      Refuse("", "", "there is no document");
    CheckMade();
    CertificatesFirst();
    return std::move(plan_);
  }

 private:
  void Refuse(absl::string_view kind, absl::string_view id, absl::string_view message) {
    plan_.refused = true;
    if (++refusals_ > kMostRefusals + 1) return;
    const bool last = refusals_ > kMostRefusals;
    v1::ApplyResult result;
    result.set_kind(last ? "" : std::string(kind));
    result.set_id(last ? "" : std::string(id));
    result.set_outcome("refused");
    result.set_message(last ? "further refusals are not listed" : std::string(message));
    plan_.results.push_back(std::move(result));
  }

  // One document, or why there is none.
  struct Given {
    std::string file;
    Node node;
    std::string refusal;
  };

  void Read(const v1::Document& document) {
    ReadLimits limits;
    limits.max_values = std::min(values_left_, limits.max_values);
    absl::StatusOr<std::vector<Node>> nodes = ReadDocuments(document.content(), limits);
    if (!nodes.ok()) return NotRead(document, nodes.status().message());
    for (const Node& node : *nodes) values_left_ -= std::min(values_left_, ValuesOf(node));
    if (nodes->empty()) NotRead(document, "holds no document");
    for (Node& node : *nodes) {
      // A file may hold a list of definitions, as Tyk's own API answers them, or as kubectl does.
      Node* items = node.IsObject() && node.Text("kind") == "List" ? node.Find("items") : &node;
      if (items == nullptr || !items->IsArray()) {
        given_.push_back({document.name(), std::move(node), ""});
        continue;
      }
      for (Node& item : items->items) given_.push_back({document.name(), std::move(item), ""});
    }
  }

  void NotRead(const v1::Document& document, absl::string_view why) {
    given_.push_back({document.name(), Node(), absl::StrCat(document.name(), ": ", why)});
  }

  // Which Tyk OAS definitions name others as their versions, once this is done, and which versions
  // that may concern.
  void NoteOasVersions() {
    options_.oas_bases = &oas_bases_;
    std::map<std::string, const Node*> given;
    for (const Given& one : given_) {
      const bool oas = forced_ == nullptr ? IsTykOas(one.node) : forced_->name == kTykOas;
      if (oas) given[OasIdOf(one.node)] = &one.node;
    }
    // Also where there is none yet: a base may come in between.
    if (!given.empty()) plan_.of_what_is_stored = true;
    std::vector<Node> stored;
    if ((!given.empty() || request_.prune()) && options_.stored_oas_bases != nullptr)
      stored = options_.stored_oas_bases();
    for (Node& base : stored) {
      plan_.of_what_is_stored = true;
      const std::string id = OasIdOf(base);
      const bool goes = given.count(id) != 0 || Pruned(id);
      if (goes) TouchVersions(base);
      if (!goes) oas_bases_.Put(std::move(base));
    }
    for (const auto& [id, document] : given) {
      if (!OasVersionsOf(*document).enabled) continue;
      TouchVersions(*document);
      oas_bases_.Put(*document);
    }
  }

  void TouchVersions(const Node& base) {
    for (const auto& [name, id] : OasVersionsOf(base).versions) oas_versions_.insert(id);
  }

  // Whether the stored API goes with its set, unless it is given.
  [[nodiscard]] bool Pruned(const std::string& id) const {
    if (!request_.prune() || options_.stored_api == nullptr) return false;
    const auto stored = options_.stored_api(id);
    return stored.has_value() && stored->set() == request_.set();
  }

  // Stored versions whose base comes, changes or goes, unless they come themselves.
  void MakeVersionsAgain() {
    if (options_.stored_api == nullptr) return;
    unless_given_ = true;
    for (const std::string& id : oas_versions_) {
      const auto stored = options_.stored_api(id);
      if (!stored.has_value() || stored->dialect() != kTykOas || Pruned(id)) continue;
      if (seen_.count({"Api", id}) != 0) continue;
      const auto document = ReadJson(stored->document());
      if (!document.ok()) continue;
      set_ = stored->set();
      Convert(absl::StrCat("Api ", id), *document, *FindDialect(kTykOas));
      set_ = request_.set();
    }
    unless_given_ = false;
  }

  // Texts of ConfigMaps count wherever they stand among the documents.
  void NoteConfigMap(const Node& node) {
    std::string id;
    std::map<std::string, std::string> data;
    if (ReadConfigMap(node, options_, &id, &data)) config_maps_[id] = std::move(data);
  }

  absl::StatusOr<std::string> ConfigMapText(const std::string& id, const std::string& key,
                                            const ConfigMapReader& stored) const {
    const auto map = config_maps_.find(id);
    if (map == config_maps_.end()) {
      if (stored != nullptr) return stored(id, key);
      return absl::NotFoundError(absl::StrCat("ConfigMap ", id, " is not there"));
    }
    const auto text = map->second.find(key);
    if (text != map->second.end()) return text->second;
    return absl::NotFoundError(absl::StrCat("ConfigMap ", id, " has no \"", key, "\""));
  }

  // What is stored and was made of a ConfigMap that comes now, unless it comes itself.
  void MakeAnew() {
    if (options_.made_of_config_map == nullptr) return;
    for (const auto& [id, data] : config_maps_) {
      for (const v1::Resource& stored : options_.made_of_config_map(id)) {
        if (seen_.count({std::string(KindOf(stored)), stored.id()}) != 0) continue;
        const Dialect* dialect = FindDialect(stored.dialect());
        auto document = ReadJson(stored.document());
        if (dialect == nullptr || !document.ok()) continue;
        set_ = stored.set();
        const std::string place = absl::StrCat(KindOf(stored), " ", stored.id());
        Convert(place, *document, *dialect);
        set_ = request_.set();
      }
    }
  }

  // What is stored and means something else beside the resources of WSO2 APK that come or go now,
  // unless it comes itself, in whatever dialect.
  void MakeAgain() {
    unless_given_ = true;
    for (const apk::Composition::Again& again : composition_.ToMakeAgain(options_)) {
      set_ = again.set;
      options_.name_space = again.name_space;
      Convert(again.what, again.document, *FindDialect(again.dialect));
      set_ = request_.set();
    }
    unless_given_ = false;
  }

  void OneDocument(const std::string& file, const Node& node) {
    std::string why;
    const Dialect* dialect = forced_ != nullptr ? forced_ : RecogniseDialect(node, &why);
    const std::string place = absl::StrCat(file, file.empty() ? "" : ":", node.line);
    if (dialect == nullptr) return Refuse(node.Text("kind"), "", absl::StrCat(place, ": ", why));
    Convert(place, node, *dialect);
  }

  void Convert(const std::string& place, const Node& node, const Dialect& dialect) {
    Conversion conversion = dialect.convert(node, options_);
    for (std::string& id : conversion.gone_apis) {
      const bool stored = options_.stored_api != nullptr && options_.stored_api(id).has_value();
      if (stored) plan_.gone_apis.push_back(std::move(id));
    }
    for (size_t i = 0; i < conversion.resources.size(); ++i) {
      const bool last = i + 1 == conversion.resources.size();
      Take(place, std::move(conversion.resources[i]), last ? &conversion : nullptr);
    }
    if (conversion.resources.empty()) {
      Refuse(node.Text("kind"), "", absl::StrCat(place, ": ", conversion.status().message()));
    }
  }

  // `conversion`: with the resource that the document stands for, its warnings and errors.
  void Take(const std::string& place, Converted converted, const Conversion* conversion) {
    const std::string kind(KindOf(converted.resource));
    const std::string id = converted.resource.id();
    const size_t at = plan_.results.size();
    if (conversion != nullptr && !conversion->ok()) {
      Refuse(kind, id, absl::StrCat(place, ": ", conversion->status().message()));
    } else if (id.empty()) {
      Refuse(kind, id,
             absl::StrCat(place,
                          ": this object has no id; a Tyk session without certificate "
                          "is created by POST /tyk/keys/create"));
    } else if (const auto seen = seen_.find({kind, id}); seen != seen_.end()) {
      if (unless_given_) return;
      // The same certificate in several documents is fine; the private key may come with any.
      if (kind == "Certificate") return AddKey(id, &converted);
      Refuse(kind, id, absl::StrCat(place, ": also defined at ", seen->second));
    } else {
      v1::ApplyResult result;
      result.set_kind(kind);
      result.set_id(id);
      plan_.results.push_back(std::move(result));
      seen_[{kind, id}] = place;
      const bool own_set = set_.empty() && !converted.resource.set().empty();  // of an export
      if (!own_set) converted.resource.set_set(set_);
      if (converted.resource.has_certificate()) {
        v1::Certificate* certificate = converted.resource.mutable_certificate();
        if (certificate->source().empty()) certificate->set_source(set_);
      }
      plan_.puts.push_back({std::move(converted), at});
    }
    if (conversion == nullptr || at == plan_.results.size()) return;
    for (const Problem& warning : conversion->warnings) {
      plan_.results[at].add_warnings(absl::StrCat(place, ": ", warning.ToString()));
    }
  }

  // What an object of an export says that it is made of goes with it: nothing of others.
  void CheckMade() {
    if (forced_ == nullptr || forced_->name != kStored) return;
    std::map<std::string, std::string> orgs;
    for (const PlannedPut& put : plan_.puts) {
      const v1::Api& api = put.put.resource.api();
      if (put.put.resource.has_api()) orgs[api.id()] = api.org_id();
    }
    for (const PlannedPut& put : plan_.puts) {
      const v1::DialectObject& object = put.put.resource.dialect_object();
      for (absl::string_view made : object.resources()) {
        if (!absl::ConsumePrefix(&made, "Api ")) continue;
        const std::optional<std::string> org = OrgOf(std::string(made), orgs);
        if (org.has_value() && *org != object.org_id()) {
          Refuse("DialectObject", object.id(),
                 absl::StrCat("Api ", made, ", made of it, is of another organisation"));
        }
      }
    }
  }

  [[nodiscard]] std::optional<std::string> OrgOf(
      const std::string& api, const std::map<std::string, std::string>& given) const {
    if (const auto one = given.find(api); one != given.end()) return one->second;
    if (options_.stored_api == nullptr) return std::nullopt;
    const auto stored = options_.stored_api(api);
    return stored.has_value() ? std::optional(stored->api().org_id()) : std::nullopt;
  }

  void AddKey(const std::string& id, Converted* again) {
    if (again->private_key.empty()) return;
    for (PlannedPut& put : plan_.puts) {
      if (put.put.resource.has_certificate() && put.put.resource.id() == id &&
          put.put.private_key.empty()) {
        put.put.private_key = std::move(again->private_key);
        put.put.private_key_of = std::move(again->private_key_of);
      }
    }
  }

  void CertificatesFirst() {
    std::vector<PlannedPut> certificates;
    std::vector<PlannedPut> others;
    for (PlannedPut& put : plan_.puts) {
      (put.put.resource.has_certificate() ? certificates : others).push_back(std::move(put));
    }
    for (PlannedPut& put : others) certificates.push_back(std::move(put));
    plan_.puts = std::move(certificates);
  }

  const v1::ApplyRequest& request_;
  ConvertOptions options_;
  apk::Composition composition_;
  const Dialect* forced_ = nullptr;
  bool unless_given_ = false;  // what is taken gives way to what was given
  size_t refusals_ = 0;
  size_t values_left_ = ReadLimits().max_values;  // of all documents together
  std::vector<Given> given_;
  std::map<std::string, std::map<std::string, std::string>>
      config_maps_;  // by id, of the documents
  std::string set_;  // of what is taken now
  std::map<std::pair<std::string, std::string>, std::string> seen_;
  OasBases oas_bases_;                  // as they will be
  std::set<std::string> oas_versions_;  // ids of versions of what comes, changes or goes
  ApplyPlan plan_;
};

}  // namespace

absl::string_view KindOf(const v1::Resource& resource) {
  switch (resource.body_case()) {
    case v1::Resource::kCertificate: return "Certificate";
    case v1::Resource::kApi: return "Api";
    case v1::Resource::kKey: return "Key";
    case v1::Resource::kPolicy: return "Policy";
    case v1::Resource::kSettings: return "GatewaySettings";
    case v1::Resource::kListener: return "Listener";
    case v1::Resource::kTrustBundle: return "TrustBundle";
    case v1::Resource::kSecret: return "Secret";
    case v1::Resource::kConfigMap: return "ConfigMap";
    case v1::Resource::kTokenIssuer: return "TokenIssuer";
    case v1::Resource::kDialectObject: return "DialectObject";
    case v1::Resource::BODY_NOT_SET: break;
  }
  return "";
}

ApplyPlan PlanApply(const v1::ApplyRequest& request, const ConvertOptions& options) {
  return Planner(request, options).Plan();
}

}  // namespace sallyport::authsvc::dialects
