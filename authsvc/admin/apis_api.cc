// /tyk/apis: Classic definitions (reference tyk.md §2.3). Live at once, no reload needed.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "authsvc/admin/documents.h"
#include "authsvc/admin/handlers.h"
#include "authsvc/dialects/fields.h"
#include "authsvc/dialects/reader.h"
#include "authsvc/dialects/tyk_documents.h"
#include "shared/crypto/random.h"

namespace sallyport::authsvc::admin {
namespace {

constexpr size_t kPage = 1000;
constexpr char kNotFound[] = "API not found";

Response Invalid(absl::string_view why) {
  return ErrorAnswer(400, absl::StrCat("Validation of API Definition failed. Reason: ", why));
}

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
  if (definition->Find("x-tyk-api-gateway") != nullptr)
    return Invalid("Tyk OAS definitions are not taken yet");
  if (!update) GiveId(&*definition);
  dialects::Conversion conversion = dialects::ConvertTykClassic(*definition, OptionsFor(call));
  if (!conversion.ok()) return Invalid(conversion.status().message());
  const std::string id = conversion.resources.back().resource.id();
  const SnapshotPtr snapshot = call.writer.snapshot();
  if (update && id != call.rest) {
    return ErrorAnswer(
        400,
        "Request APIID does not match that in Definition! For Update operations these must match.");
  }
  Write write;
  write.mutations = TakeInlineCertificates(*snapshot, &conversion);
  Mutation& mutation = write.mutations.emplace_back();
  mutation.resource = std::move(conversion.resources.back().resource);
  mutation.proxy_password = std::move(conversion.resources.back().proxy_password);
  mutation.must_exist = update;
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "api.put", id, result.status());
    if (update && absl::IsNotFound(result.status())) return ErrorAnswer(404, kNotFound);
    return WriteFailure(
        result.status(), 400,
        absl::StrCat("Validation of API Definition failed. Reason: ", result.status().message()));
  }
  Audit(call, "api.put", id, result->revision);
  Response response = KeyAnswer(id, update ? "modified" : "added");
  AddWarnings(WarningTexts(conversion), &response);
  AddWarnings(result->AllWarnings(), &response);
  return response;
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

Response Remove(const Call& call) {
  Write write;
  Mutation& mutation = write.mutations.emplace_back();
  mutation.op = Mutation::Op::kDelete;
  mutation.kind = Kind::kApi;
  mutation.id = call.rest;
  const auto result = call.writer.Run(std::move(write));
  if (!result.ok()) {
    AuditRefused(call, "api.delete", call.rest, result.status());
    if (absl::IsNotFound(result.status())) return ErrorAnswer(404, kNotFound);
    return WriteFailure(result.status(), 400, result.status().message());
  }
  Audit(call, "api.delete", call.rest, result->revision);
  return KeyAnswer(call.rest, "deleted");
}

}  // namespace

Response HandleApis(const Call& call) {
  if (call.rest == "oas" || absl::StartsWith(call.rest, "oas/")) {
    return ErrorAnswer(501, "Tyk OAS definitions are not taken yet");
  }
  if (call.rest.empty()) {
    if (call.Is("POST")) return Store(call, false);
    return call.Is("GET") ? List(call) : MethodNotSupported();
  }
  if (call.Is("GET")) return Show(call);
  if (call.Is("PUT")) return Store(call, true);
  return call.Is("DELETE") ? Remove(call) : MethodNotSupported();
}

}  // namespace sallyport::authsvc::admin
