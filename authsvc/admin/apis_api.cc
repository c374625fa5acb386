// /tyk/apis: Classic definitions (reference tyk.md §2.3). Live at once, no reload needed.
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "authsvc/admin/api_write.h"
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/admin/oas_versions.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kPage = 1000;
constexpr char kNotFound[] = "API not found";
constexpr char kClassicOnly[] =
    "this API endpoint only supports Tyk Classic APIs; please use the appropriate Tyk OAS API "
    "endpoint";

// Tyk makes an id for a definition that has none.
void GiveId(dialects::Node* definition) {
  dialects::Node id;
  id.type = dialects::Node::Type::kString;
  id.text = crypto::RandomHex(16);
  dialects::Node* member = definition->Find("api_id");
  if (member == nullptr) {
    definition->members.emplace_back("api_id", std::move(id));
  } else if (!dialects::IsSet(*member)) {
    *member = std::move(id);
  }
}

Response Store(const Call& call, bool update) {
  auto definition = dialects::ReadJson(call.request.body);
  if (!definition.ok()) {
    Response response = ErrorAnswer(400, "Request malformed");
    AddWarnings({std::string(definition.status().message())}, &response);
    return response;
  }
  if (!definition->IsObject()) return ErrorAnswer(400, "Request malformed");
  if (definition->Find("x-tyk-api-gateway") != nullptr) return ErrorAnswer(400, kClassicOnly);
  if (!update) GiveId(&*definition);
  const dialects::Node* id = definition->Find("api_id");
  const SnapshotPtr snapshot = call.writer.snapshot();
  const ApiEntry* stored = snapshot->FindApi(update || id == nullptr ? call.rest : id->text);
  if (stored != nullptr && stored->origin->dialect == dialects::kTykOas)
    return ErrorAnswer(400, kClassicOnly);
  return WriteApi(call, dialects::ConvertTykClassic(*definition, OptionsFor(call)), update);
}

Response Show(const Call& call) {
  const auto resource = call.writer.ReadResource(Kind::kApi, call.rest);
  if (absl::IsNotFound(resource.status())) return ErrorAnswer(404, kNotFound);
  if (!resource.ok()) return WriteFailure(resource.status(), 500, resource.status().message());
  return TextAnswer(dialects::TykClassicJson(*resource));
}

Response List(const Call& call) {
  const SnapshotPtr snapshot = call.writer.snapshot();
  std::vector<std::string> ids;
  std::string token;
  do {
    const auto page = snapshot->ListApis(nullptr, token, kPage);
    for (const ApiEntry* entry : page.entries) ids.push_back(entry->api.id());
    token = page.next;
  } while (!token.empty());
  return DocumentList(call, Kind::kApi, ids, [](const v1::Resource& resource) {
    return dialects::TykClassicJson(resource);
  });
}

}  // namespace

Response HandleApis(const Call& call) {
  if (call.rest == "oas" || absl::StartsWith(call.rest, "oas/")) return HandleOasApis(call);
  if (call.rest.empty()) {
    if (call.Is("POST")) return Store(call, false);
    return call.Is("GET") ? List(call) : MethodNotSupported();
  }
  if (absl::EndsWith(call.rest, "/versions")) {
    if (!call.Is("GET")) return MethodNotSupported();
    return OasVersionList(call, std::string(absl::StripSuffix(call.rest, "/versions")));
  }
  if (call.Is("GET")) return Show(call);
  if (call.Is("PUT")) return Store(call, true);
  return call.Is("DELETE") ? DeleteTykApi(call, call.rest) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
