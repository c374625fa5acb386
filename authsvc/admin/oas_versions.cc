#include "authsvc/admin/oas_versions.h"

#include "absl/time/time.h"
#include "authsvc/admin/answers.h"
#include "authsvc/admin/documents.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"

namespace sallyport::authsvc::admin {

using dialects::Node;

absl::StatusOr<std::vector<Node>> StoredOasBases(Writer& writer) {
  const SnapshotPtr snapshot = writer.snapshot();
  std::vector<std::string> ids;
  snapshot->ForEachApi([&](const ApiEntry& entry) {
    // A version itself has a place that it shares, and conditions there.
    if (entry.api.versioning().enabled() && !entry.api.has_matching() &&
        entry.origin->dialect == dialects::kTykOas) {
      ids.push_back(entry.api.id());
    }
    return true;
  });
  std::vector<Node> bases;
  for (const std::string& id : ids) {
    const auto resource = writer.ReadResource(Kind::kApi, id);
    if (absl::IsNotFound(resource.status())) continue;  // gone since
    if (!resource.ok()) return resource.status();
    auto document = dialects::ReadJson(resource->document());
    if (!document.ok()) return absl::InternalError(document.status().message());
    bases.push_back(*std::move(document));
  }
  return bases;
}

OasFamily::OasFamily(const Call& call)
    : call_(call), revision_(call.writer.snapshot()->revision()) {
  auto bases = StoredOasBases(call.writer);
  status_ = bases.status();
  if (!bases.ok()) return;
  for (Node& base : *bases) bases_.Put(std::move(base));
}

absl::StatusOr<Node> OasFamily::Document(const std::string& id) const {
  const auto resource = call_.writer.ReadResource(Kind::kApi, id);
  if (!resource.ok()) return resource.status();
  if (resource->dialect() != dialects::kTykOas)
    return absl::InvalidArgumentError("not a Tyk OAS definition");
  return dialects::ReadJson(resource->document());
}

const Node* OasFamily::BaseOf(const std::string& id) const {
  const auto bases = bases_.Of(id);
  return bases.empty() ? nullptr : bases.front();
}

void OasFamily::Touch(const Node& base) {
  for (const auto& [name, id] : dialects::OasVersionsOf(base).versions) touched_.insert(id);
}

void OasFamily::Forget(const std::string& id) {
  written_.insert(id);
  if (const Node* base = bases_.Find(id); base != nullptr) Touch(*base);
  bases_.Remove(id);
}

void OasFamily::Put(const Node& document) {
  Forget(dialects::OasIdOf(document));
  if (!dialects::OasVersionsOf(document).enabled) return;
  Touch(document);
  bases_.Put(document);
}

void OasFamily::Remove(const std::string& id) { Forget(id); }

dialects::ConvertOptions OasFamily::Options() const {
  dialects::ConvertOptions options = OptionsFor(call_);
  options.oas_bases = &bases_;
  return options;
}

dialects::Conversion OasFamily::Made(const Node& document, const std::string& set) const {
  dialects::Conversion made = dialects::ConvertTykOas(document, Options());
  for (dialects::Converted& one : made.resources) one.resource.set_set(set);
  return made;
}

absl::StatusOr<dialects::Conversion> OasFamily::OfStored(const Node& document) const {
  const auto resource = call_.writer.ReadResource(Kind::kApi, dialects::OasIdOf(document));
  if (!resource.ok()) return resource.status();
  return Made(document, resource->set());
}

absl::StatusOr<std::vector<dialects::Conversion>> OasFamily::Again() const {
  std::vector<dialects::Conversion> again;
  for (const std::string& id : touched_) {
    if (written_.count(id) != 0) continue;
    const auto resource = call_.writer.ReadResource(Kind::kApi, id);
    if (absl::IsNotFound(resource.status())) continue;  // nothing to place
    if (!resource.ok()) return resource.status();
    if (resource->dialect() != dialects::kTykOas) continue;
    const auto document = dialects::ReadJson(resource->document());
    if (!document.ok()) return absl::InternalError(document.status().message());
    again.push_back(Made(*document, resource->set()));
  }
  return again;
}

void OasFamily::Leave(const std::string& id, std::optional<Node>* base) {
  const Node* const named = BaseOf(id);
  base->reset();
  if (named != nullptr) *base = *named;
  Remove(id);
  if (!base->has_value()) return;
  dialects::RemoveOasVersion(id, &**base);
  Put(**base);
}

absl::Status OasFamily::FillBeside(const std::optional<Node>& base, WrittenBeside* beside) const {
  auto again = Again();
  if (!again.ok()) return again.status();
  beside->apis = *std::move(again);
  beside->snapshot = revision();
  if (!base.has_value()) return absl::OkStatus();
  auto made = OfStored(*base);
  if (!made.ok()) return made.status();
  beside->apis.push_back(*std::move(made));
  return absl::OkStatus();
}

Response StoreFailure(const absl::Status& status) {
  return WriteFailure(status, 500, status.message());
}

namespace {

std::string ExpiryText(const v1::Api& api) {
  const int64_t unix_time = api.versions().empty() ? 0 : api.versions(0).expires_unix();
  if (unix_time == 0) return "";
  return absl::FormatTime("%Y-%m-%d %H:%M", absl::FromUnixSeconds(unix_time), absl::UTCTimeZone());
}

}  // namespace

Response OasVersionList(const Call& call, const std::string& id) {
  const OasFamily family(call);
  if (!family.status().ok()) return StoreFailure(family.status());
  const Node* named = family.BaseOf(id);
  const std::string base_id = named == nullptr ? id : dialects::OasIdOf(*named);
  const auto base = family.Document(base_id);
  const SnapshotPtr snapshot = call.writer.snapshot();
  dialects::OasVersions versions;
  if (base.ok()) versions = dialects::OasVersionsOf(*base);
  if (!versions.enabled) versions.versions.clear();
  Json list = Json::array();
  const auto add = [&](const std::string& api_id, const std::string& name, bool is_base) {
    const ApiEntry* entry = snapshot->FindApi(api_id);
    if (entry == nullptr) return;
    const auto document = family.Document(api_id);
    list.push_back({{"id", api_id},
                    {"name", entry->api.name()},
                    {"versionName", name},
                    {"internal", document.ok() && dialects::OasIsInternal(*document)},
                    {"expirationDate", ExpiryText(entry->api)},
                    {"isDefaultVersion", name == versions.default_name},
                    {"isBaseVersion", is_base}});
  };
  add(base_id, versions.name, true);
  for (const auto& [name, api_id] : versions.versions) add(api_id, name, false);
  if (list.empty()) return ErrorAnswer(404, "API not found");
  return JsonAnswer({{"status", "success"}, {"apis", std::move(list)}});
}

}  // namespace sallyport::authsvc::admin
