#include "authsvc/dialects/apply.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "authsvc/dialects/reader.h"

namespace sallyport::authsvc::dialects {
namespace {

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
      : request_(request), options_(options) {
    if (!request.namespace_().empty()) options_.name_space = request.namespace_();
  }

  ApplyPlan Plan() {
    if (!request_.as().empty()) {
      forced_ = FindDialect(request_.as());
      if (forced_ == nullptr) {
        Refuse("", "", absl::StrCat("there is no dialect \"", request_.as(), "\""));
        return std::move(plan_);
      }
    }
    if (request_.prune() && request_.set().empty()) {
      Refuse("", "", "prune needs the name of a set: only what came with it may be removed");
    }
    for (const v1::Document& document : request_.documents()) OneText(document);
    if (request_.documents_size() == 0) Refuse("", "", "there is no document");
    CertificatesFirst();
    return std::move(plan_);
  }

 private:
  void Refuse(absl::string_view kind, absl::string_view id, absl::string_view message) {
    v1::ApplyResult result;
    result.set_kind(std::string(kind));
    result.set_id(std::string(id));
    result.set_outcome("refused");
    result.set_message(std::string(message));
    plan_.results.push_back(std::move(result));
    plan_.refused = true;
  }

  void OneText(const v1::Document& document) {
    ReadLimits limits;
    limits.max_values = values_left_;
    absl::StatusOr<std::vector<Node>> nodes = ReadDocuments(document.content(), limits);
    if (!nodes.ok()) {
      return Refuse("", "", absl::StrCat(document.name(), ": ", nodes.status().message()));
    }
    for (const Node& node : *nodes) values_left_ -= std::min(values_left_, ValuesOf(node));
    if (nodes->empty()) Refuse("", "", absl::StrCat(document.name(), ": holds no document"));
    for (const Node& node : *nodes) {
      // A file may hold a list of definitions, as Tyk's own API answers them.
      if (!node.IsArray()) OneDocument(document.name(), node);
      for (const Node& item : node.items) OneDocument(document.name(), item);
    }
  }

  void OneDocument(const std::string& file, const Node& node) {
    std::string why;
    const Dialect* dialect = forced_ != nullptr ? forced_ : RecogniseDialect(node, &why);
    const std::string place = absl::StrCat(file, file.empty() ? "" : ":", node.line);
    if (dialect == nullptr) return Refuse(node.Text("kind"), "", absl::StrCat(place, ": ", why));
    Conversion conversion = dialect->convert(node, options_);
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
      // The same certificate inline in several documents is fine.
      if (kind == "Certificate") return;
      Refuse(kind, id, absl::StrCat(place, ": also defined at ", seen->second));
    } else {
      v1::ApplyResult result;
      result.set_kind(kind);
      result.set_id(id);
      plan_.results.push_back(std::move(result));
      seen_[{kind, id}] = place;
      converted.resource.set_set(request_.set());
      if (converted.resource.has_certificate()) {
        converted.resource.mutable_certificate()->set_source(request_.set());
      }
      plan_.puts.push_back({std::move(converted), at});
    }
    if (conversion == nullptr) return;
    for (const Problem& warning : conversion->warnings) {
      plan_.results[at].add_warnings(absl::StrCat(place, ": ", warning.ToString()));
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
  const Dialect* forced_ = nullptr;
  size_t values_left_ = ReadLimits().max_values;  // of all documents together
  std::map<std::pair<std::string, std::string>, std::string> seen_;
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
    case v1::Resource::BODY_NOT_SET: break;
  }
  return "";
}

ApplyPlan PlanApply(const v1::ApplyRequest& request, const ConvertOptions& options) {
  return Planner(request, options).Plan();
}

}  // namespace sallyport::authsvc::dialects
